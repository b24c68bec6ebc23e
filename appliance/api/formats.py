"""JSON Schemas of everything that is sent, generated from the structs that parse it."""

from typing import Any

import msgspec
from django.db.models import TextChoices

from countersign.dsse import Envelope
from countersign.statement import PREDICATE_TYPES, STATEMENT_TYPE, Predicate
from countersign.tables import Digest
from governance.policy_files import PolicyFile

PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "type": "object",
    "description": "An error (RFC 9457). `type` is the rule's stable name.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "path": {"type": "string"},
        "fix": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail", "fix"],
}
REFUSAL: dict[str, Any] = {
    "description": "Refused: a problem document that names the rule",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def components(requests: list[type[msgspec.Struct]]) -> dict[str, Any]:
    """OpenAPI's component schemas: statements, the envelope, and the small request bodies."""
    at = "#/components/schemas/{name}"
    kinds = [*PREDICATE_TYPES, Envelope, *requests]
    _, schemas = msgspec.json.schema_components(kinds, ref_template=at, schema_hook=_choices)
    for kind in PREDICATE_TYPES:
        schemas[f"{kind.__name__}Statement"] = _statement(kind, at.format(name=kind.__name__))
    return dict(schemas)


def statement_schema(kind: type[Predicate]) -> dict[str, Any]:
    """A whole statement's schema, on its own: what docs/formats/ publishes."""
    (predicate,), definitions = msgspec.json.schema_components([kind])
    return {"$schema": DIALECT, **_statement(kind, predicate["$ref"]), "$defs": definitions}


def policy_schema() -> dict[str, Any]:
    """What a policy file says, whether as YAML or as JSON."""
    return {"$schema": DIALECT, **msgspec.json.schema(PolicyFile, schema_hook=_choices)}


def _choices(kind: type) -> dict[str, Any]:
    """Django's enumerations, which msgspec reads and doesn't describe."""
    assert issubclass(kind, TextChoices)
    return {"enum": kind.values}


def _statement(kind: type[Predicate], predicate: str) -> dict[str, Any]:
    subject = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "model/version"},
            "digest": {
                "type": "object",
                "properties": {"sha256": msgspec.json.schema(Digest)},
                "required": ["sha256"],
                "additionalProperties": False,
            },
        },
        "required": ["name", "digest"],
        "additionalProperties": False,
    }
    properties = {
        "_type": {"const": STATEMENT_TYPE},
        "subject": {"type": "array", "items": subject, "minItems": 1, "maxItems": 1},
        "predicateType": {"const": PREDICATE_TYPES[kind]},
        "predicate": {"$ref": predicate},
    }
    return {
        "title": f"{kind.__name__}Statement",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
