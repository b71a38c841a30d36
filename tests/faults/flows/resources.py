"""What a token gives access to, and what APIs learn about it. All only read, except the rename."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.endpoints.api.lambda_authorizer import Unauthorized, authorizer
from chalicelib.models import organizer
from chalicelib.models.store import StoreUnavailable
from tests.faults.flow import Flow, called, wrong
from tests.faults.gate import Killed
from tests.faults.scene import BIG, DROPPED, Hand, Seen
from tests.flows.test_introspection import introspect

ARN = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/tickets"


class WithToken(Flow):
    def prepare(self) -> None:
        self.app, self.browser = self.world.shop, self.choose()
        self.people.append(self.browser.user)
        self.token = self.app.connect(self.browser, BIG)["access_token"]
        self.slug = next(iter(self.browser.user.organizers))

    def choose(self) -> Hand:
        return self.world.john()


class Introspect(WithToken):
    name = "introspect"

    def act(self) -> Seen:
        return called(lambda: introspect(self.app, token=self.token))

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 200 and answer.body["active"] is True


class Me(WithToken):
    name = "GET /me"

    def act(self) -> Seen:
        return called(lambda: self.app.me(self.token))

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 200 and answer.body["email"] == self.browser.user.email


class ListOrganizers(WithToken):
    name = "GET /organizers/"

    def act(self) -> Seen:
        return called(lambda: self.app.organizers(self.token))

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 200 and [found["name"] for found in answer.body["results"]] == [BIG]


class Rename(WithToken):
    name = "PATCH /organizers/{slug}/"

    def choose(self) -> Hand:
        """A user with an organizer of their own, because its name changes."""
        return self.world.signed_in(self.world.person(self.world.organizer(BIG)))

    def act(self) -> Seen:
        path = f"/api/v1/organizers/{self.slug}/"
        return called(lambda: self.app.call(path, self.token, "PATCH", json={"name": "Renamed"}))

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 200 and answer.body["name"] == "Renamed"

    def losses(self, *, is_done: bool) -> Iterator[str]:
        found = organizer.get(self.slug)
        yield from wrong(it_has_another_name=found is None or found.name != "Renamed")


class Authorizer(WithToken):
    name = "authorizer"

    def act(self) -> Seen:
        """Call it as API Gateway does. StoreUnavailable becomes the gateway's 500, which is no verdict on the token."""
        event = {"type": "TOKEN", "authorizationToken": f"Bearer {self.token}", "methodArn": ARN}
        try:
            answer = authorizer(event, {})
        except Unauthorized:
            return Seen(401)
        except StoreUnavailable:
            return Seen(503, {"Retry-After": "the gateway answers"})
        except Killed:
            return DROPPED
        return Seen(200, body={"effect": answer["policyDocument"]["Statement"][0]["Effect"]})

    def is_done(self, answer: Seen) -> bool:
        return answer.body.get("effect") == "Allow"
