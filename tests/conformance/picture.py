"""A picture of a page that the person saw, for the modules that want one to be looked at."""

from __future__ import annotations

import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import sync_playwright

from tests.actors import Page
from tests.browser import chromium


def of(page: Page, url: str) -> bytes:
    """A PNG of the page, with its style. url: the provider's. A grey square where no Chromium is installed."""
    path = chromium.executable()
    if path is None:
        return _grey_square()
    with ThreadPoolExecutor(1) as own_thread:  # Playwright allows one event loop in a thread, and the suite has one
        return own_thread.submit(_taken, page, url, path).result()


def _taken(page: Page, url: str, path: str) -> bytes:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium.arguments())
        window = browser.new_context(ignore_https_errors=True, viewport={"width": 800, "height": 600}).new_page()
        window.set_content(page.response.text.replace("<head>", f'<head><base href="{url}/">', 1))
        taken = window.screenshot()
        browser.close()
    return taken


def _grey_square() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\x00\x80")) + chunk(b"IEND", b"")
    )
