"""Who may do what: a small model that the real provider is compared with after every step.

It knows nothing of tables, digests or HTTP. It follows the rules in docs/http-api.md and docs/architecture.md, and is
small enough to read in one go: what a person allowed, what was issued under that, and what has ended it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

CODE_SECONDS = 60
TOKEN_SECONDS = 86_400
GRACE_SECONDS = 60


@dataclass(eq=False)
class User:
    name: str
    memberships: set[str]
    active: bool = True


@dataclass(eq=False)
class App:
    name: str
    is_public: bool
    active: bool = True
    deleted: bool = False

    @property
    def is_there(self) -> bool:
        return self.active and not self.deleted


@dataclass(eq=False)
class Consent:
    """What a user allowed an application. Everything issued belongs to this object, so a later one revives nothing."""

    scopes: set[str]
    organizers: set[str]


@dataclass(eq=False)
class Code:
    user: User
    app: App
    consent: Consent
    scopes: set[str]
    organizers: set[str]
    expires_at: int
    used: bool = False
    grant: Grant | None = None


@dataclass(eq=False)
class Token:
    """An access token. Its rights were fixed when it was issued."""

    grant: Grant
    scopes: set[str]
    expires_at: int


@dataclass(eq=False)
class Grant:
    """token: the one live access token, or None. refresh_tokens: all of them, the current one last."""

    user: User
    app: App
    consent: Consent
    scopes: set[str]
    organizers: set[str]
    refresh_tokens: list[str]
    token: Token | None = None
    rotated_at: int | None = None
    was_repeated: bool = False
    ended: bool = False

    def end(self) -> None:
        self.ended, self.token = True, None


@dataclass
class Model:
    consents: dict[tuple[User, App], Consent] = field(default_factory=dict)

    def allow(self, user: User, app: App, scopes: set[str], organizers: set[str], now: int) -> Code:
        """The user presses Authorize. Scopes add up as long as the organizers are the same."""
        consent = self.consents.get((user, app))
        if consent is None:
            consent = self.consents[user, app] = Consent(set(scopes), set(organizers))
        elif not organizers:  # an answer without organizers leaves them unchanged
            consent.scopes |= scopes
        else:
            same = consent.organizers in (organizers, set())
            consent.scopes = consent.scopes | scopes if same else set(scopes)
            consent.organizers = set(organizers)
        return Code(user, app, consent, set(scopes), set(organizers), now + CODE_SECONDS)

    def is_remembered(self, user: User, app: App, scopes: set[str]) -> bool:
        """Whether a confidential application gets a code without asking."""
        consent = self.consents.get((user, app))
        if consent is None or app.is_public or not scopes - {"profile"} <= consent.scopes:
            return False
        return not needs_organizers(scopes) or bool(consent.organizers & user.memberships)

    def stands(self, issued: Code | Grant) -> bool:
        """Whether everything it depends on exists: the consent, an active user, an active application."""
        allowed = self.consents.get((issued.user, issued.app)) is issued.consent
        return allowed and issued.user.active and issued.app.is_there

    def is_good(self, token: Token, now: int) -> bool:
        grant = token.grant
        return not grant.ended and grant.token is token and now < token.expires_at and self.stands(grant)

    def take_back(self, user: User, app: App) -> None:
        self.consents.pop((user, app), None)


def needs_organizers(scopes: set[str]) -> bool:
    return bool(scopes & {"read", "write"})
