"""`manage.py applications create`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TextIO

import click

from chalicelib import limits, logout_queue, names
from chalicelib.keys import server_key
from chalicelib.models import application, registration_form
from chalicelib.models.application import Profile
from chalicelib.protocol.clients import fapi, private_key_jwt, sectors
from chalicelib.protocol.rules import redirect_uris, server_uris
from infra.commands import Change, Operator, checked, clear_errors, fail
from infra.commands.applications import application_row
from infra.commands.users import find_user


@click.command("create", cls=Change)
@click.option("--owner", required=True, metavar="EMAIL")
@click.option("--name", required=True)
@click.option("--redirect-uri", "uris", multiple=True, help="May be repeated.")
@click.option(
    "--post-logout-redirect-uri",
    "uris_after_sign_out",
    multiple=True,
    help="Where browsers may return to after a sign-out that it asks for. May be repeated.",
)
@click.option(
    "--backchannel-logout-uri",
    "logout_uri",
    metavar="URL",
    help="Where its server is told when somebody signs out. The stage needs a LOGOUT_QUEUE.",
)
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
@click.option("--require-dpop", is_flag=True, help="Bind its tokens to a key of its own.")
@click.option(
    "--fapi",
    "is_fapi",
    is_flag=True,
    help="Hold it to the FAPI 2.0 Security Profile. Needs --jwks and https:// redirect URLs.",
)
@click.option("--pairwise", is_flag=True, help="Let it know users by identifiers that no other application has.")
@click.option(
    "--sector-identifier-uri",
    metavar="URL",
    help="For --pairwise, if the redirect URLs are at several hosts: a JSON array of them, which is fetched once.",
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
def applications_create(
    operator: Operator,
    /,
    owner: str,
    name: str,
    uris: tuple[str, ...],
    uris_after_sign_out: tuple[str, ...],
    logout_uri: str | None,
    **kind: Any,
) -> None:
    """Register an application. Its secret is printed only this once."""
    name = checked(names.check_name, name, "--name")
    if not uris and not kind["device"]:
        fail("Missing option '--redirect-uri'.")
    _check_uris(uris, "--redirect-uri", is_native=kind["native"])
    _check_uris(uris_after_sign_out, "--post-logout-redirect-uri", is_native=kind["native"])
    if logout_uri is not None:
        if not logout_queue.is_on():
            fail("--backchannel-logout-uri: this stage has no LOGOUT_QUEUE, so it tells no application.")
        logout_uri = checked(server_uris.check, logout_uri, "--backchannel-logout-uri")
    is_pairwise, identifier_uri = kind.pop("pairwise"), kind.pop("sector_identifier_uri")
    if identifier_uri and not is_pairwise:
        fail("--sector-identifier-uri: it is for --pairwise.")
    after_sign_out = tuple(dict.fromkeys(uris_after_sign_out))
    profile = replace(_profile(**kind), post_logout_redirect_uris=after_sign_out, backchannel_logout_uri=logout_uri)
    if profile.fapi and (problem := fapi.problem_with(profile, uris)):
        fail(f"--fapi: {problem}")
    found = find_user(owner)
    if not operator.may(f"register the application {name} for {found.email}", about=[found.user_id]):
        return
    with clear_errors():
        if is_pairwise:
            profile = with_sector(profile, uris, identifier_uri)
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


def _check_uris(uris: tuple[str, ...], option: str, *, is_native: bool) -> None:
    if len(uris) > limits.REDIRECT_URIS_LIMIT or sum(map(len, uris)) > limits.REDIRECT_URIS_LIMIT_CHARACTERS:
        most, characters = limits.REDIRECT_URIS_LIMIT, limits.REDIRECT_URIS_LIMIT_CHARACTERS
        fail(f"{option}: give at most {most}, with at most {characters} characters in total.")
    for uri in uris:
        checked(partial(redirect_uris.check_registrable, is_native=is_native), uri, option)


def _profile(
    public: bool,
    native: bool,
    device: bool,
    require_pkce: bool,
    require_par: bool,
    require_dpop: bool,
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
        dpop_bound_access_tokens=require_dpop,
        jwks=_keys(jwks) if jwks else None,
    )


def _keys(file: TextIO) -> str:
    try:
        return private_key_jwt.read_keys(file.read())
    except ValueError as error:
        fail(f"--jwks: {file.name} {error}.")


def with_sector(profile: Profile, uris: Sequence[str], identifier_uri: str | None) -> Profile:
    """The profile of an application that knows users by pairwise identifiers. Ends the command if it cannot."""
    try:
        return sectors.chosen(profile, uris, identifier_uri)
    except sectors.SectorProblem as error:
        fail(error.message)
