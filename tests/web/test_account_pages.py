"""The way in and the account's pages in a real browser: how they look, and a passkey that works.

Chromium's own virtual authenticator plays the key.
"""

from itertools import product

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from governance import accounts
from tests import cast

from .test_browser import SCHEMES, Scheme, problems_of
from .test_browser import browser as browser
from .test_browser import pytestmark as pytestmark  # without a browser all of it is skipped

PAGES = (
    "people",
    "mfa_index",
    "mfa_activate_totp",
    "mfa_view_recovery_codes",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "usersessions_list",
    "account_change_password",
)


def page_of(
    browser: Browser, site: LiveServer, user: User | None, width: int = 1440, look: Scheme = "light"
) -> Page:
    """A page in a browser of its own, in which the user is logged in and just confirmed."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=look, locale="en-GB"
    )
    if user is not None:
        session = cast.present(user).cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": site.url}])
    return context.new_page()


@pytest.mark.django_db(transaction=True)
def test_the_pages_fit_and_are_readable_and_obey_the_sites_policy(
    live_server: LiveServer, browser: Browser
) -> None:
    rita = cast.person("rita")
    secret = accounts.invite("ada", [("owner", "lending")], by=rita, email="ada@bank.example")
    ada = User.objects.get(username="ada")
    gone = cast.person("ben")
    accounts.deactivate(gone, by=rita)
    inside = [live_server.url + reverse(name) for name in PAGES]
    inside += [live_server.url + reverse("person", args=[each.pk]) for each in (ada, gone, rita)]
    outside = [reverse("account_login"), reverse("join", args=[secret])]
    complaints: list[str] = []
    for width, look in product((1440, 390), SCHEMES):
        for user, addresses in ((rita, inside), (None, [live_server.url + a for a in outside])):
            page = page_of(browser, live_server, user, width, look)
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            for address in addresses:
                page.goto(address)
                page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
                fits = page.evaluate("document.documentElement.scrollWidth") <= width
                assert fits, (address, width)
                assert problems_of(page) == [], address
            page.context.close()
    assert complaints == []


@pytest.mark.django_db(transaction=True)
def test_a_passkey_is_added_and_logs_in_by_itself(
    live_server: LiveServer, browser: Browser
) -> None:
    site = live_server.url  # a passkey belongs to its host, localhost
    cast.person("ben")
    page = page_of(browser, live_server, None)
    page.goto(site + reverse("account_login"))
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
    options |= {"hasUserVerification": True, "isUserVerified": True}
    options |= {"automaticPresenceSimulation": True}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.fill("[name=login]", "ben")
    page.fill("[name=password]", cast.PASSWORD)
    page.click("main button >> nth=0")
    page.wait_for_url(site + "/")
    page.goto(site + reverse("mfa_add_webauthn"))
    page.fill("[name=password]", cast.PASSWORD)
    page.click("#confirm")
    page.check("[name=passwordless]")
    page.click("#mfa_webauthn_add")
    page.wait_for_selector("text=Recovery codes")
    page.click("text=Log out")
    page.wait_for_selector("#passkey_login")
    page.click("#passkey_login")
    page.wait_for_url(site + "/")
    assert "ben" in page.inner_text("header")
    page.context.close()
