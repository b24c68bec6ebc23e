"""Log-in by OpenID Connect, with a provider of the test's own on this machine."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from governance import accounts
from tests import cast

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CLIENT = "countersign"


class Provider(ThreadingHTTPServer):
    """Vouches for one address."""

    email = "ada@bank.example"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def claims(self) -> dict[str, Any]:
        now = int(time.time())
        about = {"sub": self.email, "email": self.email, "email_verified": True}
        return about | {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 60}


class Answers(BaseHTTPRequestHandler):
    """Discovery, keys, token and userinfo."""

    server: Provider

    def do_GET(self) -> None:
        url = self.server.url
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
        answers: dict[str, dict[str, Any]] = {
            "/.well-known/openid-configuration": {
                "issuer": url,
                "authorization_endpoint": f"{url}/authorize",
                "token_endpoint": f"{url}/token",
                "userinfo_endpoint": f"{url}/userinfo",
                "jwks_uri": f"{url}/keys",
            },
            "/keys": {"keys": [public | {"kid": "1", "alg": "RS256", "use": "sig"}]},
            "/userinfo": self.server.claims(),
        }
        self._answer(answers[self.path])

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        token = jwt.encode(self.server.claims(), KEY, algorithm="RS256", headers={"kid": "1"})
        self._answer({"access_token": "x", "token_type": "Bearer", "id_token": token})

    def _answer(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def provider(settings: LazySettings, db: None) -> Iterator[Provider]:
    with Provider(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        app: dict[str, Any] = {
            "provider_id": "oidc",
            "name": "the bank's account",
            "client_id": CLIENT,
        }
        app |= {"secret": "s", "settings": {"server_url": server.url}, "VERIFIED_EMAIL": True}
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
        yield server
        server.shutdown()


def log_in(client: Client) -> Any:
    """Go to the provider, and come back with what it says."""
    start = client.get(reverse("openid_connect_login", args=["oidc"]))
    state = parse_qs(urlsplit(start.headers["Location"]).query)["state"][0]
    back = reverse("openid_connect_callback", args=["oidc"])
    return client.get(back, {"code": "c", "state": state}, follow=True)


def invited(name: str, email: str) -> User:
    accounts.invite(name, [("owner", "")], by=cast.person("rita"), email=email)
    return User.objects.get(username=name)


def test_the_log_in_page_offers_it_by_its_name(provider: Provider) -> None:
    assert "Use the bank&#x27;s account" in Client().get(reverse("account_login")).content.decode()


def test_whom_it_vouches_for_and_we_invited_is_let_in(provider: Provider) -> None:
    ada, client = invited("ada", provider.email), Client()
    answer = log_in(client)
    assert answer.redirect_chain[-1] == (reverse("overview"), 302)
    assert client.session["_auth_user_id"] == str(ada.pk)


def test_whom_nobody_invited_is_not_let_in(provider: Provider) -> None:
    invited("ada", "somebody-else@bank.example")
    answer = log_in(Client())
    assert "An administrator can invite you" in answer.content.decode()
    assert not User.objects.filter(email=provider.email).exists()


def test_a_deactivated_person_stays_out(provider: Provider) -> None:
    ada, client = invited("ada", provider.email), Client()
    accounts.deactivate(ada, by=cast.person("rita"))
    log_in(client)
    assert "_auth_user_id" not in client.session


def test_the_second_factor_is_asked_for_here_all_the_same(provider: Provider) -> None:
    cast.with_second_factor(invited("ada", provider.email))
    client = Client()
    answer = log_in(client)
    assert answer.redirect_chain[-1][0] == reverse("mfa_authenticate")
    assert "_auth_user_id" not in client.session


def test_an_answer_that_nobody_asked_for_is_refused(provider: Provider) -> None:
    invited("ada", provider.email)
    client = Client()
    back = reverse("openid_connect_callback", args=["oidc"])
    answer = client.get(back, {"code": "c", "state": "invented"}, follow=True)
    assert "did not succeed" in answer.content.decode()
    assert "_auth_user_id" not in client.session
