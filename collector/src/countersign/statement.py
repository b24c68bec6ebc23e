"""The wire format: what may cross from a model's host to the appliance. This file defines it.

Every upload is an in-toto Statement v1 in UTF-8 JSON:

    {"_type": "https://in-toto.io/Statement/v1",
     "subject": [{"name": "<model>/<version>", "digest": {"sha256": "<the version's digest>"}}],
     "predicateType": "urn:countersign:window:v1",
     "predicate": {...}}

The predicate is one of the structs below: `Baseline`, `Window`, `Outcomes`, `Event`, or, in the
other direction, `Plan`. It travels inside a DSSE envelope signed by an enrolled Ed25519 key, or as
it is with a bearer token. The identity of an upload is the SHA-256 of the statement's bytes.

**A column's cells partition its rows.** Every row falls into exactly one cell, in this order:

    numeric, k bins        missing  invalid  below  bin 0 .. bin k-1  above
    categorical, k tokens  missing  invalid  other  token 0 .. token k-1
    boolean                missing  invalid  false  true

Bin i is [edges[i], edges[i+1]), the last one closed on the right. `missing` is null or NaN,
`invalid` is what the column's kind can't hold (an infinity, text among numbers), `other` is a
category outside the vocabulary. Without noise the cells add up to `rows`.

**A null cell is merged into the nearest cell before it that is not null.** Neighbours are merged
until no cell holds 1 to `min_count - 1` rows, so a merged run tells its total and nothing else, and
no margin gives a small cell back. The first cell is never null. `rows: null` says that the whole
window held too few rows; then it has no columns. Tables of the same rows (by group, by label) use
the score's cells, merged the same way or further, so that no two tables can be subtracted.

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

MAX_BYTES = 2 * 1024 * 1024
MAX_COLUMNS = 2_000
MAX_CELLS = 100
MAX_SHARDS = 500
MAX_COUNT = 2**53

# `$(?!\n)`: Python's `$` alone would let a final line feed through.
Slug = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)")]
ColumnName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_. -]{0,63}$(?!\n)")]
Label = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,79}$(?!\n)")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
Token = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
Moment = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=-MAX_COUNT, le=MAX_COUNT)]
Revision = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Cell = Count | None
Cells = Annotated[list[Cell], Meta(min_length=3, max_length=MAX_CELLS + 4)]
Sums = Annotated[list[float | None], Meta(max_length=MAX_CELLS + 4)]

Role = Literal["feature", "score", "prediction", "group", "outcome"]
Kind = Literal["numeric", "categorical", "boolean"]
Mechanism = Literal["none", "discrete_laplace", "discrete_gaussian"]
Season = Literal["none", "hour", "weekday"]


class Refused(ValueError):
    """An upload that breaks a rule. `rule` is stable; `detail` never repeats the content."""

    def __init__(self, rule: str, detail: str, path: str = "$") -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule, self.detail, self.path = rule, detail, path


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every struct of the wire: immutable, and an unknown field is a refusal."""


class Column(_Wire, frozen=True, kw_only=True):
    """What one column is. `edges` for numeric (k+1 of them), `tokens` for the others (k)."""

    name: ColumnName
    role: Role
    kind: Kind
    edges: Annotated[list[float], Meta(max_length=MAX_CELLS + 1)] = []
    tokens: Annotated[list[Token], Meta(max_length=MAX_CELLS)] = []

    @property
    def size(self) -> int:
        """How many cells the column has."""
        if self.kind == "numeric":
            return len(self.edges) + 3
        return 3 + len(self.tokens) if self.kind == "categorical" else 4

    @property
    def first_value(self) -> int:
        """The first cell that holds valid values: before it stand missing, invalid and other."""
        return 2 if self.kind == "boolean" else 3


class Counts(_Wire, frozen=True, kw_only=True, omit_defaults=True):
    """One column's cells, or the score's cells within one group.

    A score also carries, per cell, the sum of its scores and of their squares: zero outside the
    bins, null where the cell is null.
    """

    cells: Cells
    sum: Sums | None = None
    sum_squares: Sums | None = None


class LabelTable(_Wire, frozen=True, kw_only=True):
    """Labels by score: rows whose label is positive or negative, per cell of the score."""

    positives: Cells
    negatives: Cells


class Labels(_Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Label tables over all rows and by group; null where too few labels are known to tell."""

    overall: LabelTable | None
    groups: dict[ColumnName, dict[Token, LabelTable | None]] = {}


class Tally(_Wire, frozen=True, kw_only=True, omit_defaults=True):
    """What was counted over some rows."""

    rows: Cell
    columns: Annotated[dict[ColumnName, Counts], Meta(max_length=MAX_COLUMNS)]
    groups: dict[ColumnName, dict[Token, Counts]] = {}


class Privacy(_Wire, frozen=True, kw_only=True):
    """How the counts were protected. `scale`: Laplace scale 1/eps, or Gaussian sigma; 0 without."""

    unit: Literal["row", "person"] = "row"
    contribution: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    mechanism: Mechanism = "none"
    scale: Annotated[float, Meta(ge=0)] = 0.0
    min_count: Annotated[int, Meta(ge=0)] = 11


class Span(_Wire, frozen=True, kw_only=True, omit_defaults=True):
    """One window of the reference period, half-open in UTC."""

    start: Moment
    end: Moment
    tally: Tally
    labels: Labels | None = None


class Baseline(_Wire, frozen=True, kw_only=True, omit_defaults=True):
    """What the columns are and what they looked like when the version was known to be good.

    `total` covers all reference rows; `windows` the same rows as a series, if the data have time.
    `threshold` is where the score becomes a decision; it is one of the score's edges.
    """

    model: Slug
    version: Slug
    revision: Revision = 1
    window_seconds: Annotated[int, Meta(ge=60, le=400 * 86_400)]
    season: Season = "none"
    threshold: float | None = None
    privacy: Privacy
    columns: Annotated[list[Column], Meta(min_length=1, max_length=MAX_COLUMNS)]
    total: Tally
    labels: Labels | None = None
    windows: list[Span] = []


class Plan(_Wire, frozen=True, kw_only=True, omit_defaults=True):
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


class Window(_Wire, frozen=True, kw_only=True, omit_defaults=True):
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


class Outcomes(_Wire, frozen=True, kw_only=True, omit_defaults=True):
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


class Event(_Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened around the model: shown beside every chart."""

    model: Slug
    version: Slug
    kind: Literal["deployment", "upstream_change", "incident_elsewhere", "maintenance"]
    at: Moment
    label: Label
    reference: Digest | None = None


Predicate = Baseline | Plan | Window | Outcomes | Event
P = TypeVar("P", Baseline, Plan, Window, Outcomes, Event)

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE_TYPES: dict[type[Predicate], str] = {
    kind: f"urn:countersign:{kind.__name__.lower()}:v1"
    for kind in (Baseline, Plan, Window, Outcomes, Event)
}


class Subject(_Wire, frozen=True, kw_only=True):
    """The version a statement is about: its name and the digest under which it is registered."""

    name: str
    digest: dict[Literal["sha256"], Digest]


class _Statement(_Wire, frozen=True, kw_only=True):
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
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [
            {
                "name": f"{predicate.model}/{predicate.version}",
                "digest": {"sha256": version_digest},
            }
        ],
        "predicateType": PREDICATE_TYPES[type(predicate)],
        "predicate": predicate,
    }
    return msgspec.json.encode(statement, order="deterministic")


def decode(payload: bytes, kind: type[P]) -> tuple[Subject, P]:
    """Parse a statement strictly; raises `Refused` and nothing else, whatever the bytes."""
    if len(payload) > MAX_BYTES:
        raise Refused("statement.too_large", f"A statement has at most {MAX_BYTES} bytes.")
    try:
        statement = _STATEMENT.decode(payload)
        if statement.predicate_type != PREDICATE_TYPES[kind]:
            raise Refused(
                "statement.wrong_kind",
                f"This address takes statements of type {PREDICATE_TYPES[kind]}.",
                "$.predicateType",
            )
        predicate: P = _PREDICATE[kind].decode(statement.predicate)
    except msgspec.DecodeError as error:
        detail, _, path = _without_content(str(error)).partition(" - at ")
        raise Refused("statement.malformed", f"{detail}.", path.strip("`") or "$") from None
    except (RecursionError, UnicodeDecodeError):
        raise Refused("statement.malformed", "This is not plain UTF-8 JSON.") from None
    _refuse_duplicate_keys(payload)
    subject = statement.subject[0]
    if subject.name != f"{predicate.model}/{predicate.version}":
        raise Refused(
            "statement.wrong_subject",
            "The subject's name must be the predicate's model and version, joined by a slash.",
            "$.subject[0].name",
        )
    return subject, predicate


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
