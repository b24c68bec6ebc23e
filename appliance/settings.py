"""Django's settings. Everything that differs between sites comes from the environment.

COUNTERSIGN_DATA      directory for secrets, the log's high-water mark and the embedded database
COUNTERSIGN_ORIGIN    name under which this appliance signs its log
COUNTERSIGN_HOSTS     host names the site answers to, comma-separated
DATABASE_URL          PostgreSQL as the application's role (cannot rewrite the log)
DATABASE_OWNER_URL    PostgreSQL as the role that owns the tables; used for migrations only
COUNTERSIGN_ADDRESS   where people reach the site (https://countersign.example), for links in mail
COUNTERSIGN_INTERNAL_HOSTS  inner hosts, or host:port, that routes may go to, comma-separated
COUNTERSIGN_SMTP_URL  mail server: smtp://user:password@host:587?tls=starttls, smtps://… or smtp://…
COUNTERSIGN_MAIL_FROM who mail is from
BROKER_URL            Celery's broker; by default a queue on the same PostgreSQL
COUNTERSIGN_HTTPS     `yes` behind a reverse proxy with TLS, which sets X-Forwarded-Proto and -For
COUNTERSIGN_OIDC_ISSUER, _CLIENT, _SECRET, _NAME   an identity provider (OpenID Connect), if any
COUNTERSIGN_UPLOADS_PER_MINUTE   of one sender; 3000 by default
"""

import os
import sys
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent
COUNTERSIGN_DATA = Path(os.environ.get("COUNTERSIGN_DATA", BASE_DIR / "data"))
COUNTERSIGN_ORIGIN = os.environ.get("COUNTERSIGN_ORIGIN", "countersign.local/audit")


def database_settings(url: str) -> dict[str, object]:
    """postgresql://user:password@host:port/name?host=/socket/dir -> Django's DATABASES entry."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", parts.hostname or "")
    port = options.pop("port", str(parts.port or ""))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": port,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


def _secret_key() -> str:
    """Made once by `manage.py up`; other commands, such as a type check, need only some value."""
    path = COUNTERSIGN_DATA / "secrets" / "django"
    return path.read_text().strip() if path.exists() else os.urandom(32).hex()


def _identity_providers() -> list[dict[str, object]]:
    """The organisation's identity provider, if it is named."""
    issuer = os.environ.get("COUNTERSIGN_OIDC_ISSUER", "")
    if not issuer:
        return []
    return [
        {
            "provider_id": "oidc",
            "name": os.environ.get("COUNTERSIGN_OIDC_NAME", "the organisation’s account"),
            "client_id": os.environ.get("COUNTERSIGN_OIDC_CLIENT", ""),
            "secret": os.environ.get("COUNTERSIGN_OIDC_SECRET", ""),
            "settings": {"server_url": issuer, "oauth_pkce_enabled": True},
            "VERIFIED_EMAIL": True,
        }
    ]


DATABASE_URL = os.environ.get("DATABASE_URL", "postgresql:///countersign")
_MIGRATES = len(sys.argv) > 1 and sys.argv[1] in {"migrate", "makemigrations"}
_OWNER_URL = os.environ.get("DATABASE_OWNER_URL", DATABASE_URL)
DATABASES = {"default": database_settings(_OWNER_URL if _MIGRATES else DATABASE_URL)}

SECRET_KEY = _secret_key()
DEBUG = False
ALLOWED_HOSTS = os.environ.get("COUNTERSIGN_HOSTS", "localhost,127.0.0.1,[::1],testserver").split(
    ","
)
ROOT_URLCONF = "appliance.urls"
WSGI_APPLICATION = "appliance.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
USE_I18N = False

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "django_htmx",
    "ninja",
    "governance",
    "detectors",
    "appliance",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "appliance.middleware.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "appliance.middleware.sessions_that_end",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "appliance" / "web" / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "appliance.web.doors.what_may_be_done",
                "appliance.web.menu.menu",
            ],
        },
    },
]

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "appliance" / "web" / "static"]
WHITENOISE_USE_FINDERS = True

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "account_login"

# Accounts are made by administrators only; names and secrets are checked by django-allauth.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_ADAPTER = "appliance.web.adapters.Accounts"
ACCOUNT_FORMS = {
    "login": "appliance.web.account_forms.LogIn",
    "reauthenticate": "appliance.web.account_forms.PasswordAgain",
    "change_password": "appliance.web.account_forms.NewPassword",
}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True  # how long a session lasts is decided below, for everybody
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300  # seconds
# Wrong passwords and codes: by name and by address, counted for all processes in the database.
ACCOUNT_RATE_LIMITS = {"login_failed": "20/5m/ip,5/5m/key"}
MFA_ADAPTER = "appliance.web.adapters.SecondFactors"
MFA_FORMS = {
    "authenticate": "appliance.web.account_forms.Code",
    "reauthenticate": "appliance.web.account_forms.CodeAgain",
    "activate_totp": "appliance.web.account_forms.FirstCode",
    "add_webauthn": "appliance.web.account_forms.AddKey",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Countersign"
MFA_RECOVERY_CODES_SHOW_ONCE = False
SOCIALACCOUNT_ADAPTER = "appliance.web.adapters.IdentityProviders"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True  # whom the provider vouches for has an account here
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_LOGIN_ON_GET = True  # a link: the site's policy sends no form elsewhere
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": _identity_providers()}}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "countersign_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
SESSION_HOURS = 12  # after that, log in again
SESSION_IDLE_MINUTES = 60
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
SESSION_COOKIE_HTTPONLY = True
HTTPS = os.environ.get("COUNTERSIGN_HTTPS", "") == "yes"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if HTTPS else 0
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
UPLOADS_PER_MINUTE = int(os.environ.get("COUNTERSIGN_UPLOADS_PER_MINUTE", "3000"))
DATA_UPLOAD_MAX_MEMORY_SIZE = 3 * 1024 * 1024

COUNTERSIGN_ADDRESS = os.environ.get("COUNTERSIGN_ADDRESS", "").rstrip("/")
COUNTERSIGN_INTERNAL_HOSTS = os.environ.get("COUNTERSIGN_INTERNAL_HOSTS", "").lower().split(",")
_SMTP = urlsplit(os.environ.get("COUNTERSIGN_SMTP_URL", ""))
EMAIL_HOST = _SMTP.hostname or ""  # none: mail waits, and the log of deliveries says why
EMAIL_PORT = _SMTP.port or 25
EMAIL_HOST_USER = unquote(_SMTP.username or "")
EMAIL_HOST_PASSWORD = unquote(_SMTP.password or "")
EMAIL_USE_SSL = _SMTP.scheme == "smtps"
EMAIL_USE_TLS = dict(parse_qsl(_SMTP.query)).get("tls") == "starttls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = os.environ.get("COUNTERSIGN_MAIL_FROM", "countersign@localhost")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
