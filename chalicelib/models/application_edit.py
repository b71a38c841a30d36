"""Changes to an application: by its developer, with a form or as RFC 7592's client configuration; by the operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.models import application, client_secret, ended_tokens, published_keys, store
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


def serve_resource(client_id: str, resource: str) -> None:
    """Make the application the API of this resource, which may introspect the tokens for it."""
    store.change(Application.key(client_id), [Application.resource.set(resource)], Application.owner_id.exists())


def disable(client_id: str) -> None:
    """Refuse the application's secret and all its tokens from the next request on."""
    key = Application.key(client_id)
    disabled = store.Update(key, [Application.active.set(False)], Application.owner_id.exists())
    store.write(disabled, *ended_tokens.all_with(ended_tokens.handle_of_application(key.hash_key)))


def enable(client_id: str) -> None:
    """Undo `disable`."""
    store.change(Application.key(client_id), [Application.active.set(True)], Application.owner_id.exists())


def know_users_by(client_id: str, sector: str | None, sector_key: str | None, identifier_uri: str | None) -> None:
    """Let the application know users by pairwise identifiers from the next request on (see `models.sector`), or by
    their ids, if there is no sector. Raises ConditionFailed if it has been deleted."""
    actions = setting({"sector": sector, "sector_key": sector_key, "sector_identifier_uri": identifier_uri})
    store.change(Application.key(client_id), actions, Application.owner_id.exists())


def setting(values: Mapping[str, Any]) -> list[Action]:
    """What sets these attributes, and removes those whose value is None."""
    attributes = Application.get_attributes()
    return [
        attributes[name].remove() if value is None else attributes[name].set(value) for name, value in values.items()
    ]
