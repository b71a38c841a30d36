"""Changes to an application that its developer makes, with a form or as RFC 7592's client configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.models import application, client_secret, published_keys, store
from chalicelib.models.application import About, Application, Profile

# Every attribute about secrets, the current one and the replaced ones.
SECRETS = (
    Application.secret_digest,
    Application.secret_made_at,
    Application.secret_used_at,
    *client_secret.OLDER,
)


def edit(
    client_id: str,
    *,
    name: str,
    redirect_uris: Sequence[str],
    profile: Profile | None = None,
    about: About | None = None,
    only_while_active: bool = False,
) -> None:
    """Change an application. Raises ConditionFailed if it has been deleted; with only_while_active, also if disabled.

    profile, about: None for no change. Whether the application is public or native was fixed when it was registered.
    """
    actions: list[Action] = [Application.name.set(name), Application.redirect_uris.set(list(redirect_uris))]
    if profile is not None:
        actions.append(Application.pkce_required.set(profile.pkce_required))
        actions.append(Application.device_grant.set(profile.device_grant))
        actions += setting(profile.rare)
        actions.append(Application.auth_method.set(profile.auth_method))
        if profile.auth_method_named is not None:
            actions.append(Application.auth_method_named.set(profile.auth_method_named))
        actions += setting({"jwks": profile.jwks, **published_keys.dates(profile)})
        if not profile.has_secret:  # otherwise a return to the old method would bring the old secret back to life
            actions += [attribute.remove() for attribute in SECRETS]
    if about is not None:
        actions += saying(about)
    is_there = Application.owner_id.exists()
    is_active = Application.active == True  # noqa: E712 - a DynamoDB condition
    store.change(Application.key(client_id), actions, is_there & is_active if only_while_active else is_there)


def saying(about: About) -> list[Action]:
    """What sets all attributes of `about`, and removes those that it leaves out."""
    return setting(application.stored(about))


def hold_to_fapi(client_id: str, *, is_held: bool) -> None:
    """Hold the application to the FAPI 2.0 Security Profile from the next request on, or no longer. Raises
    ConditionFailed if it has been deleted."""
    store.change(Application.key(client_id), setting({"fapi": is_held or None}), Application.owner_id.exists())


def setting(values: Mapping[str, Any]) -> list[Action]:
    """What sets these attributes, and removes those whose value is None."""
    attributes = Application.get_attributes()
    return [
        attributes[name].remove() if value is None else attributes[name].set(value) for name, value in values.items()
    ]
