"""One HTTP request to the appliance, by the standard library."""

import http.client
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any

TIMEOUT = 30.0
LONGEST_ANSWER = 4 * 1024 * 1024
LONGEST_WAIT = 3600.0


class Unreachable(Exception):
    """No answer came: no connection, or it broke."""


@dataclass(frozen=True)
class Answer:
    """What the appliance answered."""

    status: int
    headers: Message
    body: bytes

    @property
    def ok(self) -> bool:
        """Accepted, now or before."""
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """The appliance itself says no, and would again. A proxy's 4xx has another content type."""
        final = 400 <= self.status < 500 and self.status not in (408, 425, 429)
        return final and self.headers.get_content_type() == "application/problem+json"

    @property
    def is_json(self) -> bool:
        """Declared as JSON of some kind, unlike the log-in page of a proxy."""
        return self.headers.get_content_subtype().rpartition("+")[2] == "json"

    def json(self) -> dict[str, Any]:
        """The body, or a problem document that says that it was none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        if isinstance(value, dict):
            return value
        return {"type": f"http.{self.status}", "detail": "The answer is not a JSON object."}

    def retry_after(self) -> float | None:
        """How many seconds the appliance asks to wait, at most LONGEST_WAIT."""
        text = self.headers.get("Retry-After")
        if text is None:
            return None
        try:
            seconds = float(text) if text.isdigit() else _seconds_until(text)
        except ValueError:
            return None
        return min(max(seconds, 0.0), LONGEST_WAIT)


def request(method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Answer:
    """The answer, whatever its status; raises `Unreachable` if there is none."""
    if not url.startswith(("http://", "https://")):
        raise Unreachable("The appliance's address starts with http:// or https://.")
    # The scheme was checked just above.
    asked = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310
    try:
        with _OPENER.open(asked, timeout=TIMEOUT) as response:
            return Answer(response.status, response.headers, response.read(LONGEST_ANSWER))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read(LONGEST_ANSWER))
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"No answer from the appliance ({type(error).__name__}).") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The bearer token goes to the address that was enrolled and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def _seconds_until(date: str) -> float:
    return parsedate_to_datetime(date).timestamp() - time.time()
