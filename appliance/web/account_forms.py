"""django-allauth's forms with labels above their fields instead of words inside them."""

from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as ReauthenticateByCodeForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms


class Plain(forms.Form):
    """No placeholders; labels and help of our own."""

    labels: dict[str, str] = {}
    helps: dict[str, str] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = self.labels.get(name, field.label)
            field.help_text = self.helps.get(name, field.help_text)


class LogIn(Plain, LoginForm):
    """Name and password."""


class PasswordAgain(Plain, ReauthenticateForm):
    """The password once more."""


class NewPassword(Plain, ChangePasswordForm):
    """The old password, the new one twice."""

    labels = {
        "oldpassword": "Your password now",
        "password1": "New password",
        "password2": "New password again",
    }


class Code(Plain, AuthenticateForm):
    """A code from the app, or a recovery code."""


class CodeAgain(Plain, ReauthenticateByCodeForm):
    """The same, while logged in."""


class FirstCode(Plain, ActivateTOTPForm):
    """A first code shows that the app has the secret."""

    labels = {"code": "The code that the app shows"}


class AddKey(Plain, AddWebAuthnForm):
    """A security key, or a passkey."""

    labels = {"name": "What you call it", "passwordless": "Use it as a passkey"}
    helps = {
        "passwordless": "It then logs in by itself, without name and password: it checks your "
        "fingerprint or PIN instead."
    }
