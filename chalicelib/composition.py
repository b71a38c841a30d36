"""Puts the application together: the settings, the log, the middleware around every request, and the views.

`app.py` does it for Lambda; `make run`, the suite and the benchmarks do it for a server of their own. The authorizer's
function starts in endpoints/authorizer.py.
"""

from __future__ import annotations

from collections.abc import Mapping

from chalice.app import Chalice

from chalicelib import logs, settings
from chalicelib.endpoints import http, not_found, static
from chalicelib.endpoints.api import lambda_authorizer, openapi, resources, sign_in_requests
from chalicelib.endpoints.developers import (
    applications,
    disconnecting_users,
    invitation,
    owners,
    programs,
    recent_requests,
)
from chalicelib.endpoints.oauth import (
    authorize,
    device,
    discovery,
    end_session,
    ended_tokens,
    logouts,
    registration,
    signing_keys,
    token,
    user_info,
)
from chalicelib.endpoints.people import (
    account_activity,
    connected_applications,
    identity_providers,
    password,
    profile,
    sign_in,
    sign_up,
)
from chalicelib.endpoints.scim import discovery as scim_discovery
from chalicelib.endpoints.scim import resources as scim_resources

VIEWS = (
    authorize,
    token,
    device,
    registration,
    discovery,
    signing_keys,
    ended_tokens,
    user_info,
    end_session,
    openapi,
    resources,
    sign_in_requests,
    scim_resources,
    scim_discovery,
    sign_in,
    identity_providers,
    applications,
    disconnecting_users,
    owners,
    invitation,
    programs,
    recent_requests,
    connected_applications,
    account_activity,
    password,
    profile,
    sign_up,
    lambda_authorizer,
    not_found,
)


def create_application(environment: Mapping[str, str]) -> Chalice:
    """The application with the settings that these environment variables give.

    Raises SettingsError for one that cannot be used. One process has one application: blueprints and settings belong to
    the one that was made last.
    """
    settings.load(environment)
    logs.configure()
    app = Chalice(app_name="lanyard")
    app.register_middleware(http.middleware, "http")
    for view in VIEWS:
        app.register_blueprint(view.blueprint)
    app.register_blueprint(static.make_blueprint())
    if settings.SETTINGS.logout_queue:
        app.register_blueprint(logouts.made_blueprint(settings.SETTINGS.logout_queue)[0])
    return app
