"""The authorizer's function starts here, with the settings and the log and without the pages, which it never shows.

This path stays: it is the handler's, and `chalice deploy` never changes the handler of a function that exists.
"""

from __future__ import annotations

import os

from chalicelib import logs, settings
from chalicelib.endpoints.api.lambda_authorizer import handle

authorizer = handle
settings.load(os.environ)
logs.configure()
