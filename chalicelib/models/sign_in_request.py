"""SignInRequest: a sign-in that a browser began at an identity provider, until its answer comes back.

It works once, for ten minutes, and only in the browser that began it: otherwise somebody could begin a sign-in and have
another person finish it, or have another person's browser finish theirs (RFC 9700 §4.7).
"""

from __future__ import annotations

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action

from chalicelib import clock, credentials, limits
from chalicelib.credentials import Kind
from chalicelib.models import store
from chalicelib.models.store.table import EpochSeconds, Item, Key, TableMeta, TableName, TimeToLive


class NotUsable(Exception):
    """The request is unknown, has expired, was answered, or began in another browser; the caller is not told which.

    next_path: where the browser that began it was going; None for any other.
    """

    def __init__(self, next_path: str | None = None) -> None:
        super().__init__("not usable")
        self.next_path = next_path


class SignInRequest(Item):
    issued_at_name = "created_at"

    class Meta(TableMeta):
        table_name = TableName("sign_in_requests")

    request_digest = UnicodeAttribute(hash_key=True)
    provider = UnicodeAttribute()
    browser_digest = UnicodeAttribute()
    next_path = UnicodeAttribute()
    is_again = BooleanAttribute()
    links = BooleanAttribute()
    language = UnicodeAttribute()
    created_at = EpochSeconds()
    answer_digest = UnicodeAttribute(null=True)  # of the secret that the platform's answer came back with
    refused_at = EpochSeconds(null=True)
    used_at = EpochSeconds(null=True)
    said = UnicodeAttribute(null=True)  # who the person is, as JSON
    expires_at = TimeToLive()

    @classmethod
    def key(cls, request_digest: str) -> Key[SignInRequest]:
        return Key(cls, request_digest)


def begin(provider: str, *, browser: str, next_path: str, is_again: bool, links: bool, language: str) -> str:
    """Store a new request. Returns its id, of which only the digest is stored.

    browser: a secret that only this browser has. is_again: the user must sign in even if they are signed in there.
    links: the identity is to be linked to the account that the browser is signed in to.
    """
    request_id, now = credentials.mint(Kind.SIGN_IN_REQUEST), clock.now()
    request = SignInRequest(
        request_digest=credentials.digest(request_id),
        provider=provider,
        browser_digest=_of_browser(request_id, browser),
        next_path=next_path,
        is_again=is_again,
        links=links,
        language=language,
        created_at=now,
        expires_at=now + limits.SIGN_IN_REQUEST_LIFETIME_SECONDS,
    )
    store.write(store.Put(request))
    return request_id


def find(request_id: str | None, provider: str) -> SignInRequest:
    """The open request with this id. Raises NotUsable. A made-up id costs no read."""
    found = _stored(request_id)
    if found is None or not _is_open(found, provider):
        raise NotUsable
    return found


def find_in_browser(request_id: str | None, provider: str, browser: str | None) -> SignInRequest:
    """The same, if it began in the browser with this secret. Raises NotUsable."""
    found = _stored(request_id)
    if found is None or not _is_of_browser(found, request_id, browser):
        raise NotUsable
    if not _is_open(found, provider):
        raise NotUsable(str(found.next_path))
    return found


def use(request: SignInRequest) -> None:
    """Use the request up. Who signed in is forgotten, unless `keep` says it again. Raises NotUsable if it was used, or
    another answer of the platform came, since it was read."""
    unused = SignInRequest.request_digest.exists() & SignInRequest.used_at.does_not_exist()
    if request.answer_digest:
        unused &= SignInRequest.answer_digest == request.answer_digest
    try:
        actions: list[Action] = [SignInRequest.used_at.set(clock.now()), SignInRequest.said.remove()]
        store.change(SignInRequest.key(request.request_digest), actions, unused)
    except store.ConditionFailed as error:
        raise NotUsable(str(request.next_path)) from error


def accept(request: SignInRequest, said: str) -> str:
    """Store who signed in at the platform, as its server says: JSON. Returns the secret that the browser has to bring
    back. Until it did, a later answer replaces this one. Raises NotUsable."""
    answer = credentials.mint(Kind.SIGN_IN_ANSWER)
    actions = [
        SignInRequest.said.set(said),
        SignInRequest.answer_digest.set(credentials.digest(answer)),
        SignInRequest.refused_at.remove(),
    ]
    _answer(request, actions)
    return answer


def refuse(request: SignInRequest) -> None:
    """Store that nobody signed in. Raises NotUsable."""
    actions = [
        SignInRequest.refused_at.set(clock.now()),
        SignInRequest.said.remove(),
        SignInRequest.answer_digest.remove(),
    ]
    _answer(request, actions)


def keep(request: SignInRequest, said: str) -> None:
    """Keep who signed in, for a person who has to sign in to their account first. The request is used up by then."""
    is_used = SignInRequest.used_at.exists()
    store.change(SignInRequest.key(request.request_digest), [SignInRequest.said.set(said)], is_used)


def kept(request_id: str | None, browser: str | None) -> SignInRequest | None:
    """A used request that `keep` was called for, in the browser that it began in."""
    found = _stored(request_id)
    if found is None or not _is_of_browser(found, request_id, browser) or found.expires_at <= clock.now():
        return None
    return found if found.used_at is not None and found.said else None


def _answer(request: SignInRequest, actions: list) -> None:  # type: ignore[type-arg] # PynamoDB's actions
    is_open = SignInRequest.used_at.does_not_exist() & (SignInRequest.expires_at > clock.now())
    try:
        store.change(SignInRequest.key(request.request_digest), actions, is_open)
    except store.ConditionFailed as error:
        raise NotUsable from error


def _stored(request_id: str | None) -> SignInRequest | None:
    named = credentials.recognize(request_id, Kind.SIGN_IN_REQUEST)
    return store.read(SignInRequest.key(named.digest))[0] if named else None


def _is_open(found: SignInRequest, provider: str) -> bool:
    return found.provider == provider and found.expires_at > clock.now() and found.used_at is None


def _is_of_browser(found: SignInRequest, request_id: str | None, browser: str | None) -> bool:
    if request_id is None or browser is None:
        return False
    return credentials.is_same(_of_browser(request_id, browser), str(found.browser_digest))


def _of_browser(request_id: str, browser: str) -> str:
    return credentials.derive(browser, "sign-in request", request_id)
