"""The Chalice application: its blueprints, and the middleware around every request."""

from chalice.app import Chalice

from chalicelib import logs
from chalicelib.endpoints import http, not_found, static
from chalicelib.endpoints.api import authorizer, openapi, resources
from chalicelib.endpoints.developers import applications
from chalicelib.endpoints.oauth import authorize, device, discovery, registration, token
from chalicelib.endpoints.people import account_activity, connected_applications, password, profile, sign_in, sign_up

logs.configure()

app = Chalice(app_name="lanyard")
app.register_middleware(http.middleware, "http")
for module in (
    authorize,
    token,
    device,
    registration,
    discovery,
    openapi,
    resources,
    sign_in,
    applications,
    connected_applications,
    account_activity,
    password,
    profile,
    sign_up,
    static,
    authorizer,
    not_found,
):
    app.register_blueprint(module.blueprint)
