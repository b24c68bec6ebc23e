"""What the gateway serves, from its file.

listen = "127.0.0.1:8701"
token_file = "gateway.token"       # in the collector's directory, unless it is a whole path

[[serve]]
model = "loans"
version = "3"
deployment = "prod"
inputs = ["age", "income"]         # names of values that events don't name, in their order
outputs = ["risk"]
"""

import secrets
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ..disk import write_durably
from ..home import Home
from ..statement import Refused
from ..tables import Slug
from .events import Event, Joiner, rows_of
from .windows import Deployment

SHORTEST_TOKEN = 32


class Serve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One deployment in the file."""

    model: Slug
    version: Slug
    deployment: Slug = "default"
    inputs: list[str] = []
    outputs: list[str] = []

    @property
    def address(self) -> str:
        """As it stands in an address."""
        return f"{self.model}/{self.version}/{self.deployment}"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    serve: Annotated[list[Serve], Meta(min_length=1)]
    listen: Annotated[str, Meta(pattern=r"^[^:]+:[0-9]{1,5}$")] = "127.0.0.1:8701"
    token_file: str = "gateway.token"  # noqa: S105
    patience: Annotated[float, Meta(ge=0, le=86_400)] = 60.0


class Served:
    """A deployment, and the inferences whose halves wait for each other."""

    def __init__(self, settings: Serve, deployment: Deployment) -> None:
        self.settings, self.deployment = settings, deployment
        self._joiner = Joiner()

    def add_event(self, event: Event) -> bool:
        """Whether it was counted; if not, it waits for its other half. Raises `Refused`, `OSError`.

        What the disk didn't take is counted all the same, once, and written with the next event.
        """
        pair = self._joiner.join(event)
        if pair is None:
            return False
        request, response = pair
        columns = rows_of(request.data, response.data, self.settings.inputs, self._outputs)
        try:
            self.deployment.add_rows(response.at, columns)
        except Refused as refusal:
            if refusal.rule == "gateway.full":
                self._joiner.give_back(pair)
            raise
        return True

    def status(self) -> dict[str, Any]:
        """How much waits, for whoever watches the gateway."""
        return {"waiting": self._joiner.waiting, "forgotten": self._joiner.forgotten}

    @property
    def _outputs(self) -> list[str]:
        """What a prediction is called: as the file says, or as the plan's score."""
        columns = self.deployment.plan_now().plan.columns
        scores = [column.name for column in columns if column.role == "score"]
        return self.settings.outputs or scores


def read_settings(path: Path) -> Settings:
    """Raises `Refused` (`file.missing`, `gateway.file`)."""
    if not path.is_file():
        raise Refused("file.missing", "There is no such file.")
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Settings)
    except (msgspec.DecodeError, ValueError) as error:
        raise Refused("gateway.file", f"The gateway's file can't be read: {error}") from None


def token_in(path: Path) -> str:
    """The shared token; made, if there is none. Raises `Refused` if others may read it."""
    if not path.exists():
        write_durably(path, secrets.token_urlsafe(32).encode() + b"\n")
    if path.stat().st_mode & 0o077:
        raise Refused("gateway.token_mode", "Only its owner may read the token's file: mode 600.")
    token = path.read_text().strip()
    if len(token) < SHORTEST_TOKEN:
        raise Refused("gateway.token_short", f"A token has {SHORTEST_TOKEN} characters or more.")
    return token


def open_served(home: Home, settings: Settings) -> dict[str, Served]:
    """The deployments by their addresses, as an earlier process left them."""
    return {
        serve.address: Served(
            serve,
            Deployment(
                serve.deployment,
                home.directory / "gateway" / serve.address,
                home.hashing_key,
                newest=partial(home.plan, serve.model, serve.version),
                put=home.send,
                patience=settings.patience,
            ),
        )
        for serve in settings.serve
    }
