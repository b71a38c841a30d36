"""The function that sends logout tokens starts here, with the settings and the log and without the pages.

This path stays: it is the handler's, and `chalice deploy` never changes the handler of a function that exists.
"""

from __future__ import annotations

import os

from chalicelib import logs, settings
from chalicelib.endpoints.oauth import logouts

settings.load(os.environ)
logs.configure()
_, send_logout = logouts.made_blueprint(str(settings.SETTINGS.logout_queue))
