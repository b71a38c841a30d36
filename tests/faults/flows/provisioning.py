"""What the platform's server pushes over SCIM. It repeats a request until it is answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib import credentials, limits
from chalicelib.models import membership, organizer, store, user, user_organizers
from chalicelib.models.user import User
from tests.faults.flow import Flow, called, wrong
from tests.faults.scene import Seen
from tests.scim.platform_server import GROUP, PATCH, USER, PlatformServer, allowed


class Pushed(Flow):
    """With a user `ann`, a group `hall` that she belongs to, and a user `bob`."""

    def prepare(self) -> None:
        self.platform: PlatformServer = allowed(self.world.base_url)
        self.mark = credentials.new_serial().lower()
        self.ann, self.bob = self.world.person(), self.world.person()
        self.hall = self.world.organizer(f"Hall {self.mark}")
        user.add_member(self.ann.user_id, self.hall)
        self.people += [self.ann, self.bob]

    def send(self, method: str, path: str, body: Any = None) -> Seen:
        return called(lambda: self.platform.call(method, path, body))

    def losses(self, *, is_done: bool) -> Iterable[str]:
        for one in (self.ann, self.bob):
            found = store.read(User.key(one.user_id))[0]
            belongs = found is not None and self.hall in user_organizers.of(found)
            listed = one.user_id in set(membership.members(self.hall))
            yield from wrong(the_list_of_members_is_wrong=belongs is not listed)


class CreateUser(Pushed):
    name = "SCIM: create a user"

    def act(self) -> Seen:
        email = f"{self.mark}@example.org"
        return self.send("POST", "/Users", {"schemas": [USER], "userName": email, "externalId": self.mark})

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 201

    def is_told(self, answer: Seen) -> bool:
        return answer.body.get("scimType") == "uniqueness"

    def losses(self, *, is_done: bool) -> Iterable[str]:
        found = self.platform.get("/Users", filter=f'externalId eq "{self.mark}"').json()
        yield from wrong(the_user_is_not_there=found["totalResults"] != 1)


class ChangeUser(Pushed):
    name = "SCIM: change a user"

    def act(self) -> Seen:
        email = f"{self.mark}@example.org"
        body = {"schemas": [USER], "userName": email, "externalId": self.mark, "displayName": "Ann", "active": False}
        return self.send("PUT", f"/Users/{self.ann.user_id}", body)

    def losses(self, *, is_done: bool) -> Iterable[str]:
        self.people.remove(self.ann)  # the address is another one now
        found = user.find_by_email(f"{self.mark}@example.org")
        yield from wrong(the_user_is_not_changed=found is None or found.active or found.user_id != self.ann.user_id)
        yield from wrong(the_old_address_is_taken=user.find_by_email(self.ann.email) is not None)


class DeleteUser(Pushed):
    name = "SCIM: delete a user"

    def act(self) -> Seen:
        return self.send("DELETE", f"/Users/{self.ann.user_id}")

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 204

    def is_told(self, answer: Seen) -> bool:
        return answer.status == 404

    def losses(self, *, is_done: bool) -> Iterable[str]:
        self.people.remove(self.ann)
        there = store.read(User.key(self.ann.user_id))[0] or user.find_by_email(self.ann.email)
        yield from wrong(the_user_is_there=there is not None)
        yield from wrong(the_user_is_still_a_member=self.ann.user_id in set(membership.members(self.hall)))


class CreateGroup(Pushed):
    name = "SCIM: create a group"

    def act(self) -> Seen:
        body = {"schemas": [GROUP], "displayName": "Hall", "externalId": self.mark}
        return self.send("POST", "/Groups", {**body, "members": [{"value": self.bob.user_id}]})

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 201

    def is_told(self, answer: Seen) -> bool:
        return answer.body.get("scimType") == "uniqueness"

    def losses(self, *, is_done: bool) -> Iterable[str]:
        members = list(membership.members(self.mark))
        yield from wrong(the_group_has_other_members=members != [self.bob.user_id])
        yield from wrong(the_group_is_not_there=organizer.get(self.mark) is None)


class ChangeMembers(Pushed):
    name = "SCIM: change a group and its members"

    def act(self) -> Seen:
        body = {"schemas": [GROUP], "displayName": "Renamed", "members": [{"value": self.bob.user_id}]}
        return self.send("PUT", f"/Groups/{self.hall}", body)

    def losses(self, *, is_done: bool) -> Iterable[str]:
        found = organizer.get(self.hall)
        yield from super().losses(is_done=is_done)
        yield from wrong(the_members_are_others=list(membership.members(self.hall)) != [self.bob.user_id])
        yield from wrong(the_group_has_another_name=found is None or found.name != "Renamed")


class DeleteGroup(Pushed):
    name = "SCIM: delete a group"

    def act(self) -> Seen:
        return self.send("DELETE", f"/Groups/{self.hall}")

    def is_done(self, answer: Seen) -> bool:
        return answer.status == 204

    def is_told(self, answer: Seen) -> bool:
        return answer.status == 404

    def losses(self, *, is_done: bool) -> Iterable[str]:
        yield from super().losses(is_done=is_done)
        yield from wrong(the_group_is_there=organizer.get(self.hall) is not None)
        yield from wrong(the_group_has_members=bool(list(membership.members(self.hall))))


class ChangeMembersWithShards(Pushed):
    name = "SCIM: change members who have very many groups"

    def prepare(self) -> None:
        super().prepare()
        user.remove_member(self.ann.user_id, self.hall)
        full: list[Action] = [User.memberships.add({str(number) for number in range(limits.MEMBERSHIPS_ON_USER_LIMIT)})]
        for one in (self.ann, self.bob):
            store.change(User.key(one.user_id), full)
        user.add_member(self.ann.user_id, self.hall)

    def act(self) -> Seen:
        """Ann leaves her shard, and Bob gets his first one."""
        operation = {"op": "replace", "path": "members", "value": [{"value": self.bob.user_id}]}
        return self.send("PATCH", f"/Groups/{self.hall}", {"schemas": [PATCH], "Operations": [operation]})

    def losses(self, *, is_done: bool) -> Iterable[str]:
        yield from super().losses(is_done=is_done)
        yield from wrong(the_members_are_others=list(membership.members(self.hall)) != [self.bob.user_id])
