"""What the owners of an application do with one another."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.models import application, ownership, store
from chalicelib.models.application import Application
from chalicelib.models.user import User
from tests.actors import ClientApp
from tests.faults.flow import PageFlow, wrong
from tests.faults.flows.applications import LIST
from tests.faults.scene import Hand, Seen


class _Owning(PageFlow):
    """main: the main owner of `app`. other: who is invited, or an owner too."""

    main: Hand
    other: Hand
    app: ClientApp
    is_shared = True

    def prepare(self) -> None:
        self.main, self.other = self.world.john(), self.world.john()
        self.people.append(self.other.user)
        self.app = self.main.register_application("Mine")
        if self.is_shared:
            ownership.invite(self.stored, self.other.user.email)
            (invitation,) = ownership.invitations(self.stored)
            ownership.accept(invitation, self.account(self.other))
        self.start(f"{LIST}/{self.app.client_id}")

    def start(self, own: str) -> None:
        self.begin(self.main, f"{own}/owners/{self.other.user.user_id}")

    @property
    def stored(self) -> Application:
        found = application.get(self.app.client_id)
        assert found is not None
        return found

    def account(self, of: Hand) -> User:
        found = store.read(User.key(of.user.user_id))[0]
        assert found is not None
        return found

    def disagreements(self) -> Iterator[str]:
        """Where the application and its owners do not say the same."""
        found = self.stored
        for who, hand in (("main", self.main), ("other", self.other)):
            account = self.account(hand)
            is_main, lists = account.user_id == found.owner_id, self.app.client_id in account.shared
            yield from wrong(
                **{f"the_{who}_count_is_off": account.application_count != int(is_main)},
                **{f"the_{who}_list_is_off": lists != (found.is_owned_by(account.user_id) and not is_main)},
            )


class InviteAnOwner(_Owning):
    name = "invite an owner"
    button = "Invite"
    is_shared = False

    def start(self, own: str) -> None:
        self.fill = {"email": self.other.user.email}
        self.begin(self.main, f"{own}/owners")

    def losses(self, *, is_done: bool) -> Iterator[str]:
        yield from wrong(the_invitation_is_missing=len(ownership.invitations(self.stored)) != 1)
        yield from self.disagreements()


class AcceptAnInvitation(_Owning):
    name = "accept an invitation"
    button = "Accept"
    is_shared = False

    def start(self, own: str) -> None:
        ownership.invite(self.stored, self.other.user.email)
        self.begin(self.other, f"{own}/invitation")

    def losses(self, *, is_done: bool) -> Iterator[str]:
        yield from wrong(
            they_are_no_owner=not self.stored.is_owned_by(self.other.user.user_id),
            the_invitation_is_still_open=bool(ownership.invitations(self.stored)),
        )
        yield from self.disagreements()


class RemoveAnOwner(_Owning):
    name = "remove an owner"
    button = "Remove"

    def is_told(self, answer: Seen) -> bool:
        """The page says that there is no such owner."""
        return answer.status == 404 and "no such owner" in answer.says

    def losses(self, *, is_done: bool) -> Iterator[str]:
        yield from wrong(they_are_still_an_owner=self.stored.is_owned_by(self.other.user.user_id))
        yield from self.disagreements()


class TransferAnApplication(_Owning):
    name = "transfer an application"
    button = "Make main owner"

    def losses(self, *, is_done: bool) -> Iterator[str]:
        yield from wrong(the_main_owner_is_the_same=self.stored.owner_id != self.other.user.user_id)
        yield from self.disagreements()
