"""The API's function starts here: Chalice and Lambda look for `app` in this file."""

import os

from chalicelib.composition import create_application

app = create_application(os.environ)
