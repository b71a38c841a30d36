"""The operator's commands for modern clients work against a running `make run`."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from joserfc.jwk import ECKey

from tests.actors import Browser, ClientApp, Person
from tests.local_run import LocalRun
from tests.public_app import PublicApp
from tests.running.test_manage import CALLBACK, in_json
from tests.signing_app import SigningApp

CREATE = ("applications", "create", "--owner", "admin@localhost", "--name", "App")


@pytest.fixture
def eve(local_run: LocalRun) -> Browser:
    browser = Browser(local_run.base_url, Person("", "eve@localhost", password="lanyard-demo"))
    browser.sign_in()
    return browser


@pytest.mark.spec("RFC 6749 §2.1", "RFC 8252 §7.1")
def test_operator_creates_public_applications_and_their_tokens_rotate(local_run: LocalRun, eve: Browser) -> None:
    made = in_json(local_run, *CREATE, "--public", "--redirect-uri", CALLBACK)
    assert "client_secret" not in made
    own = local_run.manage("applications", "allow-own", made["client_id"], "--dry-run")
    assert own.stderr.endswith(" cannot authenticate, so it can do nothing without a user.\n")
    app = PublicApp(local_run.base_url, made["client_id"], "", CALLBACK)
    tokens = app.connect(eve, "Small Shows")
    assert app.refresh(tokens["refresh_token"]).json()["refresh_token"] != tokens["refresh_token"]
    native = in_json(local_run, *CREATE, "--native", "--redirect-uri", "com.example.app:/done")
    assert "client_secret" not in native
    key = local_run.folder / ".local" / "server-key"
    assert len(key.read_text()) >= 43
    holding_it = [key, local_run.folder / ".local" / "run.json"]
    assert [file.stat().st_mode & 0o077 for file in holding_it] == [0, 0]


@pytest.mark.spec("RFC 7523 §2.2")
def test_operator_creates_an_application_with_keys(local_run: LocalRun, eve: Browser, tmp_path: Path) -> None:
    key = ECKey.generate_key("P-256")
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    made = in_json(local_run, *CREATE, "--jwks", str(file), "--redirect-uri", CALLBACK)
    assert "client_secret" not in made
    app = SigningApp(local_run.base_url, made["client_id"], "", CALLBACK)
    app.key = key
    assert app.connect(eve, "Small Shows")["token_type"] == "Bearer"


@pytest.mark.spec("FAPI 2.0 §5.3.2.1", "RFC 9126 §6")
def test_operator_holds_an_application_to_fapi_and_ends_that(local_run: LocalRun, eve: Browser, tmp_path: Path) -> None:
    key, file = ECKey.generate_key("P-256"), tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    made = in_json(local_run, *CREATE, "--jwks", str(file), "--redirect-uri", CALLBACK, "--fapi")
    app = SigningApp(local_run.base_url, made["client_id"], "", CALLBACK)
    app.key = key
    with_token_endpoint = app.assertion(aud=f"{local_run.base_url}/api/v1/oauth/token")
    assert (
        app.call_token(grant_type="refresh_token", refresh_token="x", assertion=with_token_endpoint).status_code == 401
    )
    assert "must push its requests" in eve.open(app.authorize_path()).text
    ended = in_json(local_run, "applications", "hold-to-fapi", made["client_id"], "--end")
    assert ended == {"client_id": made["client_id"], "fapi": False}
    assert app.connect(eve, "Small Shows")["token_type"] == "Bearer"
    held = in_json(local_run, "applications", "hold-to-fapi", made["client_id"])
    assert held == {"client_id": made["client_id"], "fapi": True}
    # Eve has allowed it there, so the application is told at once.
    assert "must push its requests" in eve.open(app.authorize_path()).answer["error_description"]
    pushing = in_json(local_run, *CREATE, "--redirect-uri", CALLBACK, "--require-par")
    shop = ClientApp(local_run.base_url, pushing["client_id"], pushing["client_secret"], CALLBACK)
    assert "must push its requests" in eve.open(shop.authorize_path()).text


@pytest.mark.spec("OpenID Connect Core §8")
def test_operator_decides_by_what_an_application_knows_users(local_run: LocalRun, eve: Browser) -> None:
    def known(app: ClientApp) -> str:
        return str(app.me(app.connect(eve, "Small Shows")["access_token"]).json()["sub"])

    made = [in_json(local_run, *CREATE, "--redirect-uri", CALLBACK, *more) for more in ([], ["--pairwise"])]
    public, pairwise = (ClientApp(local_run.base_url, one["client_id"], one["client_secret"], CALLBACK) for one in made)
    by_id, by_sector = known(public), known(pairwise)
    assert by_id != by_sector
    changed = in_json(local_run, "applications", "use-pairwise", public.client_id)
    assert changed == {"client_id": public.client_id, "subject_type": "pairwise", "sector": urlsplit(CALLBACK).hostname}
    assert known(public) == by_sector, "one sector"
    ended = in_json(local_run, "applications", "use-pairwise", public.client_id, "--end")
    assert ended == {"client_id": public.client_id, "subject_type": "public", "sector": None}
    assert known(public) == by_id


@pytest.mark.spec("FAPI 2.0 §5.3.2.1")
def test_application_with_a_secret_cannot_be_held_to_fapi(local_run: LocalRun) -> None:
    made = in_json(local_run, *CREATE, "--redirect-uri", CALLBACK)
    refused = local_run.manage("applications", "hold-to-fapi", made["client_id"])
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "needs an application that authenticates with signed assertions" in refused.stderr


@pytest.mark.spec("OpenID Connect RP-Initiated Logout §3.1")
def test_operator_registers_where_browsers_return_to_after_a_sign_out(local_run: LocalRun, eve: Browser) -> None:
    refused = local_run.manage(*CREATE, "--redirect-uri", CALLBACK, "--post-logout-redirect-uri", "http://x.example/")
    assert refused.returncode == 2
    assert "--post-logout-redirect-uri" in refused.stderr
    out = "https://shop.example.com/out"
    made = in_json(local_run, *CREATE, "--redirect-uri", CALLBACK, "--post-logout-redirect-uri", out)
    asked = urlencode({"client_id": made["client_id"], "post_logout_redirect_uri": out})
    page = eve.open(f"/api/v1/oauth/end_session?{asked}")
    assert eve.press(page, "Sign out").left_to == out


@pytest.mark.spec("OpenID Connect Back-Channel Logout §2.2")
def test_application_on_the_same_laptop_is_told_of_a_sign_out(local_run: LocalRun) -> None:
    posted: Queue[str] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        uri = f"http://127.0.0.1:{server.server_address[1]}/signed-out"
        elsewhere = local_run.manage(
            *CREATE, "--redirect-uri", CALLBACK, "--backchannel-logout-uri", "http://x.example/"
        )
        assert (elsewhere.returncode, "--backchannel-logout-uri" in elsewhere.stderr) == (2, True)
        made = in_json(local_run, *CREATE, "--redirect-uri", CALLBACK, "--backchannel-logout-uri", uri)
        app = ClientApp(local_run.base_url, made["client_id"], made["client_secret"], CALLBACK)
        browser = Browser(local_run.base_url, Person("", "eve@localhost", password="lanyard-demo"))
        browser.sign_in()
        app.connect(browser, scope="openid")
        browser.sign_out()
        assert posted.get(timeout=60).startswith("logout_token=")
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.spec("docs/architecture.md")
def test_old_and_new_secret_both_work_until_the_old_one_is_ended(local_run: LocalRun) -> None:
    made = in_json(local_run, *CREATE, "--redirect-uri", CALLBACK)
    old = ClientApp(local_run.base_url, made["client_id"], made["client_secret"], CALLBACK)
    rotated = in_json(local_run, "applications", "rotate-secret", old.client_id, "--keep-old-hours", "24")
    new = ClientApp(local_run.base_url, old.client_id, rotated["client_secret"], CALLBACK)
    assert [app.exchange("lyac_x").status_code for app in (old, new)] == [400, 400]
    in_json(local_run, "applications", "end-old-secret", old.client_id, "--yes")
    assert [app.exchange("lyac_x").status_code for app in (old, new)] == [401, 400]


@pytest.mark.spec("RFC 6749 §4.4")
def test_operator_allows_an_application_access_of_its_own(local_run: LocalRun) -> None:
    made = in_json(local_run, *CREATE, "--redirect-uri", CALLBACK)
    app = ClientApp(local_run.base_url, made["client_id"], made["client_secret"], CALLBACK)
    in_json(local_run, "applications", "allow-own", app.client_id, "--scope", "read", "--organizer", "bigevents")
    token = app.call_token(grant_type="client_credentials").json()["access_token"]
    assert [found["slug"] for found in app.organizers(token).json()["results"]] == ["bigevents"]
    nowhere = local_run.manage("applications", "allow-own", app.client_id, "--scope", "read", "--organizer", "nowhere")
    assert nowhere.stderr == "Error: There is no organizer nowhere.\n"
    in_json(local_run, "applications", "allow-own", app.client_id)
    assert app.call_token(grant_type="client_credentials").json()["error"] == "unauthorized_client"


@pytest.mark.spec("RFC 6749 §4.4")
def test_platforms_own_server_can_be_allowed_an_administrative_scope_that_no_user_can_give(local_run: LocalRun) -> None:
    made = in_json(local_run, *CREATE, "--redirect-uri", CALLBACK)
    app = ClientApp(local_run.base_url, made["client_id"], made["client_secret"], CALLBACK)
    in_json(local_run, "applications", "allow-own", app.client_id, "--scope", "scim")
    tokens = app.call_token(grant_type="client_credentials").json()
    assert tokens["scope"] == "scim"
    introspect, own = local_run.base_url + "/api/v1/oauth/introspect", (app.client_id, app.secret)
    known = requests.post(introspect, data={"token": tokens["access_token"]}, auth=own, timeout=30).json()
    assert known["scope"] == "scim"
    assert app.organizers(tokens["access_token"]).json()["error"] == "insufficient_scope"
    assert app.call_token(grant_type="client_credentials", scope="sign_in").json()["error"] == "invalid_scope"
    asked = {name: value for name, value in app.parameters(scope="scim").items() if name != "client_id"}
    pushed = requests.post(local_run.base_url + "/api/v1/oauth/par", data=asked, auth=own, timeout=30)
    assert pushed.json()["error"] == "invalid_scope"
    in_json(local_run, "applications", "allow-own", app.client_id)
    assert app.me(tokens["access_token"]).status_code == 403


@pytest.mark.spec("docs/security.md")
def test_self_registered_application_is_allowed_nothing_of_its_own(open_run: LocalRun) -> None:
    register = open_run.base_url + "/api/v1/oauth/register"
    made = requests.post(register, json={"redirect_uris": [CALLBACK]}, timeout=30).json()
    allow = ("applications", "allow-own", made["client_id"])
    refused = open_run.manage(*allow, "--scope", "read", "--organizer", "bigevents")
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"Error: The application {made['client_id']} registered itself, ")
    assert refused.stderr.count("\n") == 1
    app = ClientApp(open_run.base_url, made["client_id"], made["client_secret"], CALLBACK)
    assert app.call_token(grant_type="client_credentials").json()["error"] == "unauthorized_client"
    assert in_json(open_run, *allow)["own_scopes"] == []  # access can always be taken away


@pytest.mark.spec("RFC 6749 §2.3.1")
def test_operator_may_name_the_one_way_to_send_the_secret(local_run: LocalRun) -> None:
    def errors(*options: str) -> list[str]:
        made = in_json(local_run, *CREATE, "--redirect-uri", CALLBACK, *options)
        own = {"client_id": made["client_id"], "client_secret": made["client_secret"]}
        url, form = local_run.base_url + "/api/v1/oauth/token", {"grant_type": "refresh_token", "refresh_token": "x"}
        basic = requests.post(url, data=form, auth=tuple(own.values()), timeout=30)
        return [basic.json()["error"], requests.post(url, data={**form, **own}, timeout=30).json()["error"]]

    assert errors() == ["invalid_grant", "invalid_grant"]
    assert errors("--auth-method", "client_secret_basic") == ["invalid_grant", "invalid_client"]
    assert errors("--auth-method", "client_secret_post") == ["invalid_client", "invalid_grant"]


@pytest.mark.spec("RFC 8628 §3.1")
def test_device_application_needs_no_redirect_uri(local_run: LocalRun) -> None:
    made = in_json(local_run, *CREATE, "--native", "--device")
    url = local_run.base_url + "/api/v1/oauth/device_authorization"
    answer = requests.post(url, data={"client_id": made["client_id"]}, timeout=30)
    assert answer.json()["verification_uri"] == local_run.base_url + "/device"


@pytest.mark.spec("RFC 7591 §1.2")
def test_initial_access_token_is_printed_with_the_digest_to_store(local_run: LocalRun) -> None:
    made = in_json(local_run, "registration", "new-token")
    assert made["initial_access_token"].startswith("lyia_")
    assert len(made["digest"]) == 64
    assert in_json(local_run, "registration", "show") == {"registration": "closed", "tokens": 0}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([*CREATE], "Missing option '--redirect-uri'."),
        ([*CREATE, "--public", "--redirect-uri", "com.example.app:/x"], "must be a full address"),
        ([*CREATE, "--public", "--auth-method", "client_secret_post", "--redirect-uri", CALLBACK], "leave out --jwks"),
        ([*CREATE, "--jwks", "README.md", "--redirect-uri", CALLBACK], "--jwks: README.md is not JSON."),
        ([*CREATE, "--fapi", "--redirect-uri", CALLBACK], "--fapi: The FAPI 2.0 Security Profile needs"),
        (["applications", "hold-to-fapi", "nothing"], "There is no application nothing."),
        (
            [*CREATE, "--pairwise", "--redirect-uri", CALLBACK, "--redirect-uri", "https://other.example.net/x"],
            "Pairwise identifiers need https:// redirect URLs at one host, or a sector_identifier_uri.",
        ),
        (
            [*CREATE, "--pairwise", "--sector-identifier-uri", "http://x.example.com/", "--redirect-uri", CALLBACK],
            "sector_identifier_uri must be a full address that starts with https://.",
        ),
        (
            [*CREATE, "--sector-identifier-uri", "https://x.example.com/", "--redirect-uri", CALLBACK],
            "--sector-identifier-uri: it is for --pairwise.",
        ),
        (["applications", "use-pairwise", "nothing"], "There is no application nothing."),
        (
            ["applications", "use-pairwise", "nothing", "--end", "--sector-identifier-uri", "https://x.example.com/"],
            "--sector-identifier-uri: leave it out with --end.",
        ),
        (["applications", "rotate-secret", "nothing"], "There is no application nothing."),
        (["applications", "end-old-secret", "nothing"], "There is no application nothing."),
        (["applications", "allow-own", "nothing", "--scope", "read"], "at least one --scope and one --organizer"),
        (
            ["applications", "allow-own", "nothing", "--scope", "read", "--organizer", "nowhere"],
            "There is no application nothing.",
        ),
        (["applications", "allow-own", "nothing"], "There is no application nothing."),
        (["applications", "serve-resource", "nothing", "https://api.example.com"], "not in the stage's RESOURCES"),
    ],
    ids=str,
)
def test_invalid_client_command_gets_a_one_line_error(
    local_run: LocalRun, arguments: list[str], complaint: str
) -> None:
    ended = local_run.manage(*arguments)
    assert ended.returncode == 2
    assert complaint in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""


@pytest.mark.spec("docs/operations.md")
def test_operator_sees_why_requests_were_refused(local_run: LocalRun) -> None:
    made = in_json(local_run, *CREATE, "--redirect-uri", CALLBACK)
    assert local_run.manage("applications", "requests", made["client_id"]).stdout == "Nothing found.\n"
    app = ClientApp(local_run.base_url, made["client_id"], made["client_secret"], CALLBACK)
    assert app.exchange("lyac_unknown").status_code == 400
    (line,) = in_json(local_run, "applications", "requests", made["client_id"])
    assert (line["error"], line["grant_type"], line["sender"]) == (
        "invalid_grant",
        "authorization_code",
        "authenticated",
    )
    assert line["advice"].startswith("Exchange each code once")
    unknown = local_run.manage("applications", "requests", "nobody")
    assert (unknown.returncode, unknown.stderr) == (2, "Error: There is no application nobody.\n")
