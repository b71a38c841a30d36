"""People sign in to `make run` with a platform's own log-in, and at a stock OpenID provider."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from bs4 import BeautifulSoup, Tag
from werkzeug.serving import make_server

from examples.platform_shop import app as platform_shop
from examples.platform_shop.lanyard import Lanyard
from infra.laptop.ministack import free_port
from tests import node
from tests.local_run import LocalRun
from tests.node import EXAMPLES

CALLBACK = "https://tool.example.com/callback"


class Visitor:
    """A browser that several sites are open in. It follows redirects as long as the next site answers."""

    def __init__(self) -> None:
        self.http = requests.Session()
        self.http.trust_env = False

    def open(self, url: str) -> requests.Response:
        return self.http.get(url, timeout=30)

    def submit(self, page: requests.Response, **fill: str) -> requests.Response:
        """Send the page's first form."""
        form = BeautifulSoup(page.text, "html.parser").find("form")
        assert isinstance(form, Tag), page.text
        fields = {str(one["name"]): str(one.get("value", "")) for one in form.find_all("input") if one.get("name")}
        action = requests.compat.urljoin(page.url, str(form.get("action") or page.url))
        return self.http.post(action, data={**fields, **fill}, timeout=30)


def titled(page: requests.Response) -> str:
    heading = BeautifulSoup(page.text, "html.parser").find("h1")
    assert heading is not None, page.text
    return " ".join(heading.get_text().split())


def in_json(run: LocalRun, *arguments: str) -> Any:
    made = run.manage(*arguments, "--json")
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)


def _with_providers(folder: Path, text: str, **settings: str) -> LocalRun:
    """`make run` with this file of identity providers."""
    run = LocalRun(folder, IDENTITY_PROVIDERS="of_the_test", **settings)
    (folder / "chalicelib" / "identity_providers" / "of_the_test.toml").write_text(text, encoding="utf-8")
    run.start()
    return run


@pytest.fixture(scope="module")
def shop_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def shop_run(tmp_path_factory: pytest.TempPathFactory, shop_port: int) -> Iterator[LocalRun]:
    text = f"""
        [providers.shop]
        title = {{ en = "Example Shop", de = "Beispiel-Shop" }}
        page = "http://127.0.0.1:{shop_port}/lanyard/sign-in"
    """
    run = _with_providers(tmp_path_factory.mktemp("shop"), text)
    yield run
    run.terminate()


@pytest.fixture(scope="module")
def shop(shop_run: LocalRun, shop_port: int) -> Iterator[str]:
    """The sample's address. Its organizers are there."""
    for slug, name in platform_shop.ORGANIZERS.items():
        in_json(shop_run, "organizers", "create", "--slug", slug, "--name", name)
    own = ("--owner", "admin@localhost", "--name", "Shop", "--redirect-uri", "https://tickets.example/")
    made = in_json(shop_run, "applications", "create", *own)
    in_json(shop_run, "applications", "allow-own", made["client_id"], "--scope", "sign_in")
    lanyard = Lanyard(shop_run.base_url, made["client_id"], made["client_secret"])
    server = make_server("127.0.0.1", shop_port, platform_shop.create_app(lanyard), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{shop_port}"
    server.shutdown()


@pytest.fixture
def visitor() -> Visitor:
    return Visitor()


@pytest.mark.spec("docs/sign-in.md")
def test_people_of_a_shop_sign_in_with_its_own_log_in(shop_run: LocalRun, shop: str, visitor: Visitor) -> None:
    page = visitor.open(f"{shop_run.base_url}/login/with/shop?next=/settings/profile")
    assert page.url.startswith(f"{shop}/lanyard/sign-in?request=")
    page = visitor.submit(page, email="ann@tickets.example", password="wrong")
    assert page.status_code == 401
    page = visitor.submit(page, email="ann@tickets.example", password=platform_shop.PASSWORD)
    assert page.url == f"{shop_run.base_url}/settings/profile"
    assert "Ann Other" in page.text
    (ann,) = in_json(shop_run, "users", "list", "--email", "ann@tickets.example")
    assert sorted(ann["organizers"]) == ["jazzclub", "townhall"]
    # Logged in at the shop, they come straight back; another person's browser does not.
    again = Visitor()
    again.http.cookies.update({"shop": visitor.http.cookies.get("shop") or ""})
    assert again.open(f"{shop_run.base_url}/login/with/shop?next=/settings/profile").url.endswith("/settings/profile")
    assert titled(Visitor().open(f"{shop_run.base_url}/login/with/shop")) == "Example Shop"


@pytest.mark.spec("docs/sign-in.md")
def test_person_who_cancels_at_the_shop_is_told_so(shop_run: LocalRun, shop: str, visitor: Visitor) -> None:
    page = visitor.submit(visitor.open(f"{shop_run.base_url}/login/with/shop"), decision="cancel")
    assert (page.status_code, titled(page)) == (403, "Sign in")
    assert "You did not sign in there" in page.text
    assert visitor.open(f"{shop}/lanyard/sign-in?request=nonsense").status_code == 404
    sent = {"email": "ann@tickets.example", "password": platform_shop.PASSWORD}
    assert requests.post(f"{shop}/log-in", data=sent, timeout=30).status_code == 403, "not from the shop's own page"


@pytest.fixture(scope="module")
def openid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalRun, str]]:
    """`make run` with the npm package oidc-provider as its provider, and the provider's issuer."""
    folder = tmp_path_factory.mktemp("openid")
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    text = f"""
        passwords = false
        [providers.stock]
        title = {{ en = "Stock", de = "Stock" }}
        issuer = "{issuer}"
        client_id = "lanyard"
        organizers_claim = "groups"
        organizers = {{ "big team" = "bigevents" }}
    """
    run = _with_providers(folder, text, PROVIDER_SECRET_STOCK="a-secret-of-the-test")
    back = f"{run.base_url}/login/with/stock/back"
    with node.serving(EXAMPLES / "openid_provider.js", str(port), back, "a-secret-of-the-test"):
        yield run, issuer
    run.terminate()


@pytest.mark.spec("OpenID Connect Core §3.1")
def test_people_sign_in_at_a_stock_openid_provider(openid: tuple[LocalRun, str], visitor: Visitor) -> None:
    run, issuer = openid
    page = visitor.open(f"{run.base_url}/login?next=/settings/profile")  # the only way: led there at once
    assert page.url.startswith(f"{issuer}/interaction/")
    page = visitor.submit(page, login="ann", password="any")
    page = visitor.submit(page) if page.url.startswith(issuer) else page  # the provider's own consent
    assert page.url == f"{run.base_url}/settings/profile", page.text
    (ann,) = in_json(run, "users", "list", "--email", "ann@stock.example")
    assert ann["organizers"] == ["bigevents"]
