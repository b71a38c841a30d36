"""`make screenshots`: takes the pictures in docs/screenshots/, from the current pages in a fresh copy of the project.

Needs Chromium. A picture of 100 KB or more is an error, because a README has to load fast.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from examples.connect_client.app import create_app
from infra.laptop.ministack import free_port
from tests.actors import Person
from tests.browser import chromium
from tests.browser.steps import connect, sign_in
from tests.local_run import LocalRun

FOLDER = Path(__file__).parent / "screenshots"
LIMIT_BYTES = 100_000
COLORS = 128
PASSWORD = "correct horse battery"  # noqa: S105 - of a user who exists only while this runs
ADA = Person("", "ada@example.org", password=PASSWORD)
BERTA = Person("", "berta@example.org", password=PASSWORD)


def main() -> int:
    path = chromium.executable()
    if path is None:
        print("Chromium is not installed. On Debian: apt-get install chromium", file=sys.stderr)
        return 2
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lanyard = LocalRun(Path(folder))
        lanyard.start()
        try:
            browser = playwright.chromium.launch(executable_path=path, args=chromium.arguments())
            _people(lanyard)
            with _box_office(lanyard) as box_office:
                _take(browser, lanyard.base_url, box_office)
        finally:
            lanyard.terminate()
    too_large = [picture.name for picture in FOLDER.glob("*.png") if picture.stat().st_size >= LIMIT_BYTES]
    if too_large:
        print(f"Too large for a README: {', '.join(too_large)}", file=sys.stderr)
    return 1 if too_large else 0


def _people(lanyard: LocalRun) -> None:
    for person, name, locale in ((ADA, "Ada Lovelace", "en"), (BERTA, "Berta Benz", "de")):
        profile = ("--email", person.email, "--fullname", name, "--locale", locale, "--timezone", "Europe/Berlin")
        lanyard.manage("users", "create", *profile, "--password-stdin", stdin=PASSWORD + "\n")
        for slug in ("bigevents", "smallshows"):
            lanyard.manage("organizers", "add-member", slug, person.email)


@contextmanager
def _box_office(lanyard: LocalRun) -> Iterator[str]:
    """Run the example application. Yields its URL."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    registered = ("--owner", "admin@localhost", "--name", "Box office", "--redirect-uri", f"{address}/callback")
    made = json.loads(lanyard.manage("applications", "create", "--json", *registered).stdout)
    app = create_app(lanyard.base_url, made["client_id"], made["client_secret"])
    server = make_server("127.0.0.1", port, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield address
    server.shutdown()


def _take(browser: Browser, base_url: str, box_office: str) -> None:
    light = browser.new_context(viewport={"width": 900, "height": 600}).new_page()
    light.goto(box_office)
    _save(light, "box-office")
    light.goto(f"{box_office}/connect")
    sign_in(light, ADA)
    light.get_by_role("checkbox", name="Small Shows").check()
    _save(light, "consent")
    connect(light, box_office, ADA, "Small Shows")
    _save(light, "connected")
    light.goto(f"{base_url}/settings/authorized")
    _save(light, "authorized")
    light.goto(f"{base_url}/settings/applications/new")
    light.locator("#name").fill("Counter sales")
    light.locator("#redirect_uris").fill("https://counter.example.com/connected")
    light.get_by_role("button", name="Register").click()
    light.get_by_role("link", name="I have copied it").click()
    light.get_by_role("link", name="Counter sales").click()
    _save(light, "application")
    dark = browser.new_context(viewport={"width": 390, "height": 700}, color_scheme="dark", locale="de").new_page()
    dark.goto(f"{box_office}/connect")
    sign_in(dark, BERTA)
    _save(dark, "consent-german-dark-narrow")


def _save(page: Page, name: str) -> None:
    taken = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    # A page has few colors: with a palette, the picture has a fifth of the size and looks the same.
    taken.convert("RGB").quantize(COLORS).save(FOLDER / f"{name}.png", optimize=True)
    print(f"docs/screenshots/{name}.png", flush=True)


if __name__ == "__main__":
    sys.exit(main())
