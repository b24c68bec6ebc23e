"""What is said on each kind of route, and how it is brought there.

    webhook    Standard Webhooks: `webhook-signature: v1,base64(HMAC-SHA256(secret, id.time.body))`
    slack      {"text": ...} to an incoming-webhook address
    pagerduty  Events v2: trigger, acknowledge, resolve; one `dedup_key` for each incident
    mail       plain text, by the mail server of COUNTERSIGN_SMTP_URL

The secret is in the address or beside it, sealed with a key of the secret store.
"""

import base64
import hmac
import json
import smtplib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from governance import secret_files
from governance.models import Delivery, Incident, Route
from governance.outbound import Unsent, post

JSON = {"Content-Type": "application/json", "User-Agent": "Countersign"}
SMTP = "django.core.mail.backends.smtp.EmailBackend"
WORDS = {
    "opened": "A new incident",
    "reopened": "An incident is open again",
    "worsened": "An incident became more severe",
    "acknowledged": "An incident was taken on",
    "resolved": "An incident is resolved",
    "test": "A test",
}
PAGERDUTY_ACTIONS = {"acknowledged": "acknowledge", "resolved": "resolve"}
PAGERDUTY_SEVERITIES = {"high": "critical", "medium": "warning", "low": "info"}

Secrets = Mapping[str, Any]


def seal(secrets: Secrets) -> bytes:
    """A route's address and secret, encrypted."""
    return _vault().encrypt(json.dumps(dict(secrets)).encode())


def unseal(sealed: bytes | memoryview) -> dict[str, Any]:
    """The address and secret. Raises `Unsent` (`secret_unreadable`) after a lost key."""
    try:
        secrets: dict[str, Any] = json.loads(_vault().decrypt(bytes(sealed)))
    except InvalidToken:
        raise Unsent("secret_unreadable") from None
    return secrets


def send(deliveries: Sequence[Delivery]) -> int | None:
    """Bring deliveries of one route, of which several are one digest. Raises `Unsent`."""
    route = deliveries[0].route
    return _SEND[route.kind](unseal(route.sealed), deliveries)


def facts(delivery: Delivery) -> dict[str, Any]:
    """What a machine is told of it."""
    incident = delivery.incident
    if incident is None:
        return {"title": "This is a test of the route; nothing has happened.", "severity": "low"}
    return {
        "incident": incident.pk,
        "title": incident.title,
        "severity": incident.severity,
        "cause": incident.cause,
        "model": incident.version.model.name,
        "version": incident.version.name,
        "deployment": incident.deployment,
        "due": incident.due_at.isoformat(),
        "url": _address(incident),
    }


def in_words(delivery: Delivery) -> str:
    """What a person is told of it."""
    told = facts(delivery)
    if delivery.incident is None:
        return str(told["title"])
    return (
        f"{WORDS[delivery.event]} ({told['severity']}): {told['title']}\n"
        f"{told['model']} / {told['version']}, {told['deployment']}; due {told['due'][:10]}\n"
        f"{told['url']}"
    ).strip()


def _webhook(secrets: Secrets, deliveries: Sequence[Delivery]) -> int:
    (delivery,) = deliveries
    moment = str(int(time.time()))
    body = json.dumps(
        {
            "type": f"incident.{delivery.event}",
            "timestamp": delivery.made_at.isoformat(),
            "data": facts(delivery),
        }
    ).encode()
    signature = sign(str(secrets["secret"]), str(delivery.key), moment, body)
    signed = {
        "webhook-id": str(delivery.key),
        "webhook-timestamp": moment,
        "webhook-signature": signature,
    }
    return post(str(secrets["url"]), body, JSON | signed)


def sign(secret: str, key: str, moment: str, body: bytes) -> str:
    """The signature header of Standard Webhooks.

    >>> sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
    ...      "1614265330", b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    shared = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.digest(shared, f"{key}.{moment}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(signed).decode()}"


def _slack(secrets: Secrets, deliveries: Sequence[Delivery]) -> int:
    text = "\n\n".join(in_words(delivery) for delivery in deliveries)
    for sign_, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign_, escaped)
    return post(str(secrets["url"]), json.dumps({"text": text}).encode(), JSON)


def _pagerduty(secrets: Secrets, deliveries: Sequence[Delivery]) -> int:
    (delivery,) = deliveries
    told = facts(delivery)
    about = delivery.incident_id or f"test-{delivery.key}"
    event = {
        "routing_key": secrets["secret"],
        "event_action": PAGERDUTY_ACTIONS.get(delivery.event, "trigger"),
        "dedup_key": f"countersign-{about}",
        "payload": {
            "summary": told["title"],
            "source": told.get("model", "countersign"),
            "severity": PAGERDUTY_SEVERITIES[told["severity"]],
            "custom_details": told,
        },
    }
    return post(str(secrets["url"]), json.dumps(event).encode(), JSON)


def _mail(secrets: Secrets, deliveries: Sequence[Delivery]) -> None:
    if not settings.EMAIL_HOST:
        raise Unsent("no_mail_server")
    first = deliveries[0]
    subject = f"{WORDS[first.event]}: {facts(first)['title']}"
    if len(deliveries) > 1:
        subject = f"Digest: {len(deliveries)} messages about incidents"
    mail = EmailMessage(
        " ".join(subject.split())[:180],
        "\n\n".join(in_words(delivery) for delivery in deliveries),
        settings.DEFAULT_FROM_EMAIL,
        list(secrets["recipients"]),
        headers={"Message-ID": f"<{first.key}@{settings.EMAIL_HOST}>"},
        connection=get_connection(SMTP),
    )
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as refused:
        codes = [code for code, _ in refused.recipients.values()]
        raise Unsent("recipients", max(codes), final=min(codes) >= 500) from None
    except smtplib.SMTPResponseException as error:
        raise Unsent("mail", error.smtp_code, final=error.smtp_code >= 500) from None
    except TimeoutError:
        raise Unsent("timeout") from None
    except (OSError, smtplib.SMTPException):
        raise Unsent("connection") from None


_SEND: dict[str, Callable[[Secrets, Sequence[Delivery]], int | None]] = {
    Route.Kind.WEBHOOK: _webhook,
    Route.Kind.SLACK: _slack,
    Route.Kind.PAGERDUTY: _pagerduty,
    Route.Kind.MAIL: _mail,
}


def _vault() -> Fernet:
    key = bytes.fromhex(secret_files.secret("routes", settings.COUNTERSIGN_DATA))
    return Fernet(base64.urlsafe_b64encode(key))


def _address(incident: Incident) -> str:
    site = settings.COUNTERSIGN_ADDRESS
    return f"{site}/incidents/{incident.pk}/" if site else ""
