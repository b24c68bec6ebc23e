"""The pictures of the documents: pages of a running appliance after its demo, in a real browser.

    bin/up --demo --data FRESH_DIRECTORY       (in another terminal; wait until the demo is done)
    .venv/bin/python bench/screenshots.py http://127.0.0.1:8700 SET_UP_LINK [--everything DIR]

The pages use the reader's fonts: have Inter and P052 (Debian: fonts-inter, fonts-urw-base35). Uses
the set-up link to make an administrator called `rita` with a password that nobody keeps. Writes
docs/images/*.png; with --everything also each page at 1440 and 390 pixels, light and dark.
"""

import argparse
import base64
import hmac
import secrets
import struct
import time
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
CHROMIUM = "/usr/bin/chromium-headless-shell"
MODEL = "/models/employment-ma/2015-scores/"
PAGES = {
    "overview": "/",
    "models": "/models/",
    "model": MODEL,
    "incident": "/incidents/1/",
    "log": "/audit/",
    "senders": "/senders/",
}
SHOWN = {"overview": 1100, "model": 1500, "incident": 1300}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("set_up_link")
    parser.add_argument("--everything", type=Path)
    asked = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        state = administrator(browser, asked.set_up_link)
        IMAGES.mkdir(parents=True, exist_ok=True)
        for name, height in SHOWN.items():
            page = open_page(browser, state, (1440, height), "light", asked.url + PAGES[name])
            page.screenshot(path=IMAGES / f"{name}.png")
        if asked.everything:
            asked.everything.mkdir(parents=True, exist_ok=True)
            for name, width, scheme in product(PAGES, (1440, 390), ("light", "dark")):
                page = open_page(browser, state, (width, 900), scheme, asked.url + PAGES[name])
                path = asked.everything / f"{name}-{width}-{scheme}.png"
                page.screenshot(path=path, full_page=True)
        browser.close()


def administrator(browser: Browser, link: str) -> dict:
    """Make the first administrator; returns the browser's state, logged in."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    password = secrets.token_urlsafe(20)
    page.fill("input[name=username]", "rita")
    page.fill("input[name=password1]", password)
    page.fill("input[name=password2]", password)
    page.click("main button")
    page.wait_for_load_state()
    page.goto(f"{page.url.partition('/account/')[0]}/account/app/")  # the second factor
    page.fill("input[name=password]", password)
    page.click("main button")
    page.fill("input[name=code]", code_of(page.locator("main code").inner_text()))
    page.click("main button")
    page.wait_for_load_state()
    return context.storage_state()


def code_of(secret: str) -> str:
    """What an authenticator app shows now (RFC 6238: SHA-1, 30 seconds, 6 digits)."""
    moment = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.digest(base64.b32decode(secret), moment, "sha1")
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def open_page(browser: Browser, state: dict, size: tuple[int, int], scheme: str, url: str) -> Page:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        storage_state=state,
        locale="en-GB",
    )
    page = context.new_page()
    page.goto(url)
    page.wait_for_load_state("networkidle")
    return page


if __name__ == "__main__":
    main()
