"""A policy version as a file that people write by hand: YAML, as docs/formats/policy.json says.

    level:
      business_unit: lending
      tier: 1
    settings:
      tolerance: 0.005
      quiet_hours: 22:00-07:00
    reason: Decided in the board of May.

Read strictly: one small document of mappings, lists and plain values. Anchors, aliases and tags are
refused, so nothing can be built or multiplied, and so is a key that is given twice. A value is text
until its setting says what it is: 22:00 is a time and no number, `no` a word.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import msgspec
import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    NodeEvent,
    ScalarEvent,
)
from yaml.nodes import MappingNode

from countersign.statement import Refused
from governance.levels import Level
from governance.models import PolicyVersion
from governance.policy_settings import Settings, plain, read_settings

LARGEST = 16 * 1024  # bytes
DEEPEST = 4


class FileLevel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Empty: the organisation. A unit, a tier, a unit's tier, or a model alone."""

    business_unit: str = ""
    tier: int | None = None
    model: str = ""


class PolicyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a level shall say, and why."""

    settings: Settings
    reason: str
    level: FileLevel = FileLevel()


class _Loader(yaml.BaseLoader):
    """Text, lists and mappings; a key given twice is refused."""

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(found) < len(node.value):
            raise Refused("policy.file", "Each key is given once.")
        return found


def read_file(text: bytes) -> tuple[Level, Settings, str]:
    """Level, settings and reason. Raises `Refused` (`policy.file` and others); never says what was
    sent."""
    if len(text) > LARGEST:
        raise Refused("policy.file", f"At most {LARGEST} bytes.")
    try:
        decoded = text.decode()
        _refuse_machinery(yaml.parse(decoded, Loader=yaml.BaseLoader))
        raw = yaml.load(decoded, Loader=_Loader)  # noqa: S506 - it only makes text
    except (yaml.YAMLError, UnicodeDecodeError, TypeError):
        raise Refused("policy.file", "One document of plain YAML.") from None
    if not isinstance(raw, dict) or not {"settings", "reason"} <= set(raw) <= {
        "level", "settings", "reason"
    }:  # fmt: skip
        raise Refused("policy.file", "A file has level, settings and reason.")
    return (
        _level(raw.get("level") or {}),
        read_settings(raw["settings"] or {}, text=True),
        _reason(raw),
    )


def write_file(version: PolicyVersion) -> str:
    """A version as the file that proposes it."""
    level = {name: value for name, value in asdict(Level.of(version)).items() if value}
    document = {"level": level, "settings": version.said, "reason": version.reason}
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))


def settings_as_text(settings: Settings) -> str:
    """Settings alone, for people to start from."""
    return str(yaml.safe_dump(plain(settings), sort_keys=False))


def _refuse_machinery(events: Iterator[yaml.Event]) -> None:
    """Whatever a hand-written file has no need of."""
    depth = documents = 0
    for event in events:
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        documents += isinstance(event, DocumentStartEvent)
        anchored = isinstance(event, NodeEvent) and event.anchor is not None
        tagged = isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag is not None
        if isinstance(event, AliasEvent) or anchored or tagged or depth > DEEPEST or documents > 1:
            raise Refused(
                "policy.file", "One document without anchors, aliases and tags, not deep."
            )


def _level(raw: object) -> Level:
    try:
        told = msgspec.convert(raw, FileLevel, strict=False)
    except msgspec.ValidationError:
        raise Refused(
            "policy.level", "A level has business_unit, tier and model, or none.", "$.level"
        ) from None
    return Level(told.business_unit, told.tier, told.model)


def _reason(raw: dict[str, Any]) -> str:
    reason = raw["reason"]
    if not isinstance(reason, str):
        raise Refused("policy.no_reason", "A reason is some words.", "$.reason")
    return reason
