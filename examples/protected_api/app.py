"""Another team's API. Applications read and sell tickets with the access tokens they got from Lanyard.

API Gateway asks Lanyard's authorizer about each request, so a view finds the caller in the request's context.
"""

import os

from chalice import Chalice, CustomAuthorizer, ForbiddenError, Response

from chalicelib import lanyard

app = Chalice(app_name="protected-api")
REGION = os.environ.get("AWS_REGION", os.environ.get("AWS_DEFAULT_REGION", ""))
lanyard_authorizer = CustomAuthorizer(
    "lanyard",
    authorizer_uri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{lanyard.AUTHORIZER}/invocations",
    ttl_seconds=0,  # ask for each request: a revoked token is refused from the next one
)


@app.route("/organizers/{slug}/tickets", methods=["GET"], authorizer=lanyard_authorizer)
def list_tickets(slug):
    """Requires the scope `read`, according to Lanyard's REQUIRED_SCOPES."""
    access = allowed(slug)
    return {"tickets": [], "organizer": slug, "for": access["user_id"], "through": access["client_id"]}


@app.route("/organizers/{slug}/tickets", methods=["POST"], authorizer=lanyard_authorizer)
def sell_ticket(slug):
    """Requires the scope `write`."""
    allowed(slug)
    return Response({"sold": 1, "organizer": slug}, status_code=201)


@app.route("/organizers/{slug}/report", methods=["GET"])
def report(slug):
    """The same check in the function itself, for routes that cannot have an API Gateway authorizer."""
    request = app.current_request
    try:
        access = lanyard.check(request.headers.get("authorization"), scope="read", api=request.context["apiId"])
    except lanyard.Refused as refused:
        body = {"error": refused.error, "error_description": refused.description}
        return Response(body, {"WWW-Authenticate": refused.challenge, **refused.headers}, refused.status)
    if slug not in access.organizers:
        raise ForbiddenError("This token does not give access to this organizer.")
    return {"organizer": slug, "tickets_sold": 0}


def allowed(slug):
    """The authorizer's context. Raises ForbiddenError if the token does not cover this organizer."""
    access = app.current_request.context["authorizer"]
    if slug not in access["organizers"].split():
        raise ForbiddenError("This token does not give access to this organizer.")
    return access
