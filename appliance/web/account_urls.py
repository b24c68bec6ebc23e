"""Which of django-allauth's pages there are, at which addresses; the names are its own.

What isn't named here doesn't exist: no sign-up, no reset by mail, no trusted browsers.
"""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.socialaccount import views as social
from allauth.socialaccount.providers.openid_connect import views as oidc
from allauth.usersessions import views as sessions
from django.urls import path
from django.views.decorators.http import require_POST

urlpatterns = [
    path("log-in/", account.login, name="account_login"),
    path("log-in/code/", mfa.authenticate, name="mfa_authenticate"),
    path("log-in/passkey/", webauthn.login_webauthn, name="mfa_login_webauthn"),
    path("log-in/<str:provider_id>/start/", oidc.login, name="openid_connect_login"),
    path("log-in/<str:provider_id>/return/", oidc.callback, name="openid_connect_callback"),
    path("log-in/cancelled/", social.login_cancelled, name="socialaccount_login_cancelled"),
    path("log-in/failed/", social.login_error, name="socialaccount_login_error"),
    path("log-in/unknown/", social.signup, name="socialaccount_signup"),
    path("log-in/inactive/", account.account_inactive, name="account_inactive"),
    path("log-out/", require_POST(account.logout), name="account_logout"),
    path("confirm/password/", account.reauthenticate, name="account_reauthenticate"),
    path("confirm/code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("confirm/key/", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("account/", mfa.index, name="mfa_index"),
    path("account/password/", account.password_change, name="account_change_password"),
    path("account/sessions/", sessions.list_usersessions, name="usersessions_list"),
    path("account/app/", totp.activate_totp, name="mfa_activate_totp"),
    path("account/app/remove/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("account/codes/", recovery.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "account/codes/new/", recovery.generate_recovery_codes, name="mfa_generate_recovery_codes"
    ),
    path("account/keys/", webauthn.list_webauthn, name="mfa_list_webauthn"),
    path("account/keys/add/", webauthn.add_webauthn, name="mfa_add_webauthn"),
    path("account/keys/<int:pk>/remove/", webauthn.remove_webauthn, name="mfa_remove_webauthn"),
]
