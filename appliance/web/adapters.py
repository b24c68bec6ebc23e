"""What django-allauth asks us: who may have an account, and how a second factor is kept."""

import base64
from functools import lru_cache
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest


class Accounts(DefaultAccountAdapter):
    """Accounts are made by invitation; here nobody signs up."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": "Please enter a correct username and password.",
        "too_many_login_attempts": "Too many failed attempts. Try again in five minutes.",
        "incorrect_password": "That is not your password.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class IdentityProviders(DefaultSocialAccountAdapter):
    """A provider lets in whom an administrator invited with that e-mail address; nobody else."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False


class SecondFactors(DefaultMFAAdapter):
    """The secrets of second factors are kept encrypted: a copy of the database gives none away."""

    def encrypt(self, text: str) -> str:
        return _box(settings.SECRET_KEY).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _box(settings.SECRET_KEY).decrypt(encrypted_text.encode()).decode()

    def get_totp_label(self, user: User) -> str:
        return user.get_username()


@lru_cache(maxsize=2)
def _box(secret: str) -> Fernet:
    """A key of its own, from the site's secret, which lies beside the database and not in it."""
    derive = HKDF(hashes.SHA256(), length=32, salt=None, info=b"countersign second factors")
    return Fernet(base64.urlsafe_b64encode(derive.derive(secret.encode())))
