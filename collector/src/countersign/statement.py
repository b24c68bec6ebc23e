"""The wire format: what may cross from a model's host to the appliance. This file defines it.

Every upload is an in-toto Statement v1 in UTF-8 JSON:

    {"_type": "https://in-toto.io/Statement/v1",
     "subject": [{"name": "<model>/<version>", "digest": {"sha256": "<the version's digest>"}}],
     "predicateType": "urn:countersign:window:v1",
     "predicate": {...}}

The predicate is one of the structs below: `Baseline`, `Window`, `Outcomes`, `Event`, or, in the
other direction, `Plan`; `tables` says what they count. People's `Decision` and `Agreement` are in
`approval`. It travels inside a DSSE envelope signed by
an enrolled Ed25519 key, or as it is with a bearer token. The identity of an upload is the SHA-256
of the statement's bytes.

>>> body = encode(Event(model="loans", version="1", kind="upstream_change",
...     at=datetime(2026, 1, 2, tzinfo=UTC), label="feed 7 moved"), "0" * 64)
>>> subject, event = decode(body, Event)
>>> subject.name, event.label
('loans/1', 'feed 7 moved')
>>> decode(body.replace(b'"label"', b'"remark"'), Event)
Traceback (most recent call last):
countersign.statement.Refused: statement.malformed: Object contains unknown field.
"""

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from .approval import Agreement, Decision
from .tables import (
    MAX_COLUMNS,
    MAX_SLICES,
    Column,
    Digest,
    Label,
    Labels,
    Map,
    Moment,
    Privacy,
    Slice,
    Slug,
    Span,
    Tally,
    Wire,
    Worth,
)

MAX_BYTES = 2 * 1024 * 1024
MAX_SHARDS = 500

Revision = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Season = Literal["none", "hour", "weekday"]


class Refused(ValueError):
    """An upload that breaks a rule. `rule` is stable; `detail` never repeats the content."""

    def __init__(self, rule: str, detail: str, path: str = "$") -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule, self.detail, self.path = rule, detail, path


class Baseline(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """What the columns are and what they looked like when the version was known to be good.

    `total` covers all reference rows; `windows` the same rows as a series, if the data have time.
    `threshold` is where the score becomes a decision; it is one of the score's edges. `template`
    names what kind of model this is; `worth` says what its decisions are worth.
    """

    model: Slug
    version: Slug
    revision: Revision = 1
    window_seconds: Annotated[int, Meta(ge=60, le=400 * 86_400)]
    season: Season = "none"
    threshold: float | None = None
    template: Slug | None = None
    worth: Worth | None = None
    privacy: Privacy
    columns: Annotated[list[Column], Meta(min_length=1, max_length=MAX_COLUMNS)]
    slices: Annotated[list[Slice], Meta(max_length=MAX_SLICES)] = []
    maps: Annotated[list[Map], Meta(max_length=8)] = []
    total: Tally
    labels: Labels | None = None
    windows: list[Span] = []


class Plan(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """What a collector is to count, and under which privacy floor. Signed by the appliance."""

    model: Slug
    version: Slug
    baseline: Digest
    revision: int
    issued: Moment
    window_seconds: int
    season: Season
    threshold: float | None
    privacy: Privacy
    columns: list[Column]
    slices: list[Slice] = []
    maps: list[Map] = []


class Window(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Counts of one deployment over [start, end). The `shards` of a window add up.

    `replay` marks history that is sent again: it is examined like any other, but is never late.
    """

    model: Slug
    version: Slug
    deployment: Slug
    plan: Digest
    start: Moment
    end: Moment
    shard: Annotated[int, Meta(ge=0, lt=MAX_SHARDS)] = 0
    shards: Annotated[int, Meta(ge=1, le=MAX_SHARDS)] = 1
    revision: Revision = 1
    replay: bool = False
    privacy: Privacy
    tally: Tally


class Outcomes(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Labels known so far for one window. A later revision replaces an earlier one: cumulative."""

    model: Slug
    version: Slug
    deployment: Slug
    plan: Digest
    start: Moment
    end: Moment
    revision: Revision = 1
    privacy: Privacy
    labels: Labels


class Event(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened around the model: shown beside every chart."""

    model: Slug
    version: Slug
    kind: Literal["deployment", "upstream_change", "incident_elsewhere", "maintenance"]
    at: Moment
    label: Label
    reference: Digest | None = None


Predicate = Baseline | Plan | Window | Outcomes | Event | Agreement | Decision
P = TypeVar("P", Baseline, Plan, Window, Outcomes, Event, Agreement, Decision)
W = TypeVar("W", bound=Wire)

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE_TYPES: dict[type[Predicate], str] = {
    kind: f"urn:countersign:{kind.__name__.lower()}:v1"
    for kind in (Baseline, Plan, Window, Outcomes, Event, Agreement, Decision)
}


class Subject(Wire, frozen=True, kw_only=True):
    """The version a statement is about: its name and the digest under which it is registered."""

    name: str
    digest: dict[Literal["sha256"], Digest]


class _Statement(Wire, frozen=True, kw_only=True):
    type: Literal["https://in-toto.io/Statement/v1"] = msgspec.field(name="_type")
    subject: Annotated[list[Subject], Meta(min_length=1, max_length=1)]
    predicate_type: str = msgspec.field(name="predicateType")
    predicate: msgspec.Raw


_STATEMENT = msgspec.json.Decoder(_Statement)
_PREDICATE: dict[type[Predicate], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in PREDICATE_TYPES
}


def digest_of(payload: bytes) -> str:
    """The identity of a statement: SHA-256 of its bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(payload).hexdigest()


def encode(predicate: Predicate, version_digest: str) -> bytes:
    """The statement's bytes. Equal predicates always give equal bytes."""
    name = f"{predicate.model}/{predicate.version}"
    return encode_as(PREDICATE_TYPES[type(predicate)], predicate, name, version_digest)


def encode_as(predicate_type: str, predicate: Wire, name: str, version_digest: str) -> bytes:
    """The bytes of a statement about a version (`name` is model/version), of any type."""
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": version_digest}}],
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    return msgspec.json.encode(statement, order="deterministic")


def decode(payload: bytes, kind: type[P]) -> tuple[Subject, P]:
    """Parse a statement strictly; raises `Refused` and nothing else, whatever the bytes."""
    subject, predicate = decode_as(PREDICATE_TYPES[kind], payload, _PREDICATE[kind])
    if subject.name != f"{predicate.model}/{predicate.version}":
        raise Refused(
            "statement.wrong_subject",
            "The subject's name must be the predicate's model and version, joined by a slash.",
            "$.subject[0].name",
        )
    return subject, predicate


def decode_as(
    predicate_type: str, payload: bytes, decoder: msgspec.json.Decoder[W]
) -> tuple[Subject, W]:
    """A statement's subject and predicate, parsed strictly; raises `Refused` and nothing else."""
    if len(payload) > MAX_BYTES:
        raise Refused("statement.too_large", f"A statement has at most {MAX_BYTES} bytes.")
    try:
        statement = _STATEMENT.decode(payload)
        if statement.predicate_type != predicate_type:
            raise Refused(
                "statement.wrong_kind",
                f"This address takes statements of type {predicate_type}.",
                "$.predicateType",
            )
        predicate = decoder.decode(statement.predicate)
    except msgspec.DecodeError as error:
        detail, _, path = _without_content(str(error)).partition(" - at ")
        raise Refused("statement.malformed", f"{detail}.", path.strip("`") or "$") from None
    except (RecursionError, UnicodeDecodeError):
        raise Refused("statement.malformed", "This is not plain UTF-8 JSON.") from None
    _refuse_duplicate_keys(payload)
    return statement.subject[0], predicate


def json_schema(kind: type[Predicate]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a predicate, generated from the struct."""
    return msgspec.json.schema(kind)


def _without_content(message: str) -> str:
    """msgspec quotes unknown field names and bad enum values: both are the sender's content."""
    message = re.sub(r"unknown field `.*`", "unknown field", message, flags=re.DOTALL)
    message = re.sub(r"Invalid enum value '.*'", "Invalid enum value", message, flags=re.DOTALL)
    return re.sub(r"Invalid enum value -?\d+", "Invalid enum value", message)


def _refuse_duplicate_keys(payload: bytes) -> None:
    """Two readers may choose different ones of two equal keys; so neither is accepted."""

    def unique(pairs: list[tuple[str, Any]]) -> None:
        if len({key for key, _ in pairs}) != len(pairs):
            raise Refused("statement.duplicate_key", "An object holds the same key twice.")

    json.loads(payload, object_pairs_hook=unique)


def moment(value: datetime) -> datetime:
    """The same moment in UTC, as statements carry it."""
    return value.astimezone(UTC)
