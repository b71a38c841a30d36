"""The Chalice application: its blueprints, and the middleware around every request."""

from chalice.app import Chalice

from chalicelib import logs
from chalicelib.endpoints import (
    account,
    applications,
    authorizations,
    authorize,
    authorizer,
    device,
    discovery,
    http,
    not_found,
    openapi,
    password,
    profile,
    registration,
    resources,
    security,
    sign_up,
    static,
    token,
)

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
    account,
    applications,
    authorizations,
    security,
    password,
    profile,
    sign_up,
    static,
    authorizer,
    not_found,
):
    app.register_blueprint(module.blueprint)
