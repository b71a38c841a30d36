"""Another team's API: tickets, which applications read and sell with the tokens that Lanyard gave them.

API Gateway asks Lanyard's authorizer before it lets a request through, so a view finds who is calling in its context.
"""

import os

from chalice import Chalice, CustomAuthorizer, ForbiddenError, Response

from chalicelib import lanyard

app = Chalice(app_name="protected-api")
REGION = os.environ.get("AWS_REGION", os.environ.get("AWS_DEFAULT_REGION", ""))
lanyard_authorizer = CustomAuthorizer(
    "lanyard",
    authorizer_uri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{lanyard.AUTHORIZER}/invocations",
    ttl_seconds=0,  # ask at every request, so that a revoked token is refused from the next one
)


@app.route("/organizers/{slug}/tickets", methods=["GET"], authorizer=lanyard_authorizer)
def list_tickets(slug):
    """Needs the scope `read`, by Lanyard's REQUIRED_SCOPES."""
    access = allowed(slug)
    return {"tickets": [], "organizer": slug, "for": access["user_id"], "through": access["client_id"]}


@app.route("/organizers/{slug}/tickets", methods=["POST"], authorizer=lanyard_authorizer)
def sell_ticket(slug):
    """Needs the scope `write`."""
    allowed(slug)
    return Response({"sold": 1, "organizer": slug}, status_code=201)


@app.route("/organizers/{slug}/report", methods=["GET"])
def report(slug):
    """The same check without an authorizer, by the function: for what API Gateway's cannot be put before."""
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
    """The authorizer's context, where the token's organizers have this one among them."""
    access = app.current_request.context["authorizer"]
    if slug not in access["organizers"].split():
        raise ForbiddenError("This token does not give access to this organizer.")
    return access
