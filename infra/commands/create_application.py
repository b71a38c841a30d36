"""`manage.py applications create`."""

from __future__ import annotations

from functools import partial
from typing import Any, TextIO

import click

from chalicelib import limits, names
from chalicelib.keys import server_key
from chalicelib.models import application, registration_form
from chalicelib.models.application import Profile
from chalicelib.protocol.clients import fapi, private_key_jwt
from chalicelib.protocol.rules import redirect_uris
from infra.commands import Change, Operator, checked, clear_errors, fail
from infra.commands.applications import application_row
from infra.commands.users import find_user


@click.command("create", cls=Change)
@click.option("--owner", required=True, metavar="EMAIL")
@click.option("--name", required=True)
@click.option("--redirect-uri", "uris", multiple=True, help="May be repeated.")
@click.option(
    "--public", is_flag=True, help="For an application in a browser, which cannot keep a secret. It must use PKCE."
)
@click.option(
    "--native",
    is_flag=True,
    help="For an application on people's devices: public, with a URL scheme or loopback address.",
)
@click.option("--device", is_flag=True, help="Let devices without a browser use it, with a code that people type.")
@click.option("--require-pkce", is_flag=True, help="Refuse requests without a PKCE code challenge.")
@click.option("--require-par", is_flag=True, help="Refuse requests that it did not push before.")
@click.option(
    "--fapi",
    "is_fapi",
    is_flag=True,
    help="Hold it to the FAPI 2.0 Security Profile. Needs --jwks and https:// redirect URLs.",
)
@click.option(
    "--auth-method",
    type=click.Choice([application.BASIC, application.POST]),
    help="The one way in which it may send its secret. By default it may use either, each time anew.",
)
@click.option(
    "--jwks",
    type=click.File(encoding="utf-8"),
    help="Its public keys, a JWK set. It signs assertions and has no secret.",
)
@click.pass_obj
def applications_create(operator: Operator, /, owner: str, name: str, uris: tuple[str, ...], **kind: Any) -> None:
    """Register an application. Its secret is printed only this once."""
    name = checked(names.check_name, name, "--name")
    if not uris and not kind["device"]:
        fail("Missing option '--redirect-uri'.")
    if len(uris) > limits.REDIRECT_URIS_LIMIT or sum(map(len, uris)) > limits.REDIRECT_URIS_LIMIT_CHARACTERS:
        most, characters = limits.REDIRECT_URIS_LIMIT, limits.REDIRECT_URIS_LIMIT_CHARACTERS
        fail(f"--redirect-uri: give at most {most}, with at most {characters} characters in total.")
    for uri in uris:
        checked(partial(redirect_uris.check_registrable, is_native=kind["native"]), uri, "--redirect-uri")
    profile = _profile(**kind)
    if profile.fapi and (problem := fapi.problem_with(profile, uris)):
        fail(f"--fapi: {problem}")
    found = find_user(owner)
    if not operator.may(f"register the application {name} for {found.email}", about=[found.user_id]):
        return
    with clear_errors():
        made, secret = registration_form.register(
            found,
            name=name,
            redirect_uris=list(dict.fromkeys(uris)),
            profile=profile,
        )
    operator.made.append(str(made.client_id))
    row = application_row(made)
    if secret:
        shown = f"Client id:     {made.client_id}\nClient secret: {secret}\nThe secret is not shown again."
        operator.show({**row, "client_secret": secret}, sentence=shown)
    else:
        operator.show(row, sentence=f"Client id: {made.client_id}")


def _profile(
    public: bool,
    native: bool,
    device: bool,
    require_pkce: bool,
    require_par: bool,
    is_fapi: bool,
    auth_method: str | None,
    jwks: TextIO | None,
) -> Profile:
    is_public = public or native
    if is_public and (jwks or auth_method):
        fail("A public application does not authenticate: leave out --jwks and --auth-method.")
    if is_public and not server_key.is_set():
        fail(f"{server_key.MISSING} Set it, or SERVER_KEY_PARAMETER, in .chalice/config.json or in the environment.")
    method = application.PRIVATE_KEY_JWT if jwks else auth_method or application.BASIC
    return Profile(
        auth_method=application.NONE if is_public else method,
        auth_method_named=auth_method is not None and not jwks,
        application_type=application.NATIVE if native else application.WEB,
        pkce_required=require_pkce,
        device_grant=device,
        par_required=require_par,
        fapi=is_fapi,
        dpop_bound_access_tokens=is_fapi,
        jwks=_keys(jwks) if jwks else None,
    )


def _keys(file: TextIO) -> str:
    try:
        return private_key_jwt.read_keys(file.read())
    except ValueError as error:
        fail(f"--jwks: {file.name} {error}.")
