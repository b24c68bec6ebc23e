"""Policies as YAML: what is written is read back; bombs, tags and guesses are refused by name."""

from typing import Any

import pytest

from countersign.statement import Refused
from governance.levels import Level
from governance.models import PolicyVersion
from governance.policy_files import LARGEST, read_file, write_file
from governance.policy_settings import Settings, plain

WHOLE = b"""\
level:
  business_unit: lending
  tier: 1
settings:
  false_alarms_per_year: 0.5
  tolerance: 0.005
  severities: {drift: high, feed: medium}
  grace_seconds: 7200
  plan_grace_seconds: 0
  review_days: 180
  signatures: 2
  retention_days: 3650
  silence_days: 7
  routes: [desk, on-call]
  quiet_hours: 22:00-07:00
  digest_at: [08:00, 22:00]
  timezone: Europe/Amsterdam
reason: Decided in May.
"""


def test_a_whole_file_is_read() -> None:
    level, settings, reason = read_file(WHOLE)
    assert (level, reason) == (Level("lending", 1), "Decided in May.")
    assert (settings.false_alarms_per_year, settings.tolerance) == (0.5, 0.005)
    assert (settings.digest_at, settings.quiet_hours) == (("08:00", "22:00"), "22:00-07:00")
    assert all(getattr(settings, name) is not None for name in Settings.__struct_fields__)


def test_what_is_written_is_read_back() -> None:
    level, settings, reason = read_file(WHOLE)
    version = PolicyVersion(business_unit="lending", tier=1, said=plain(settings), reason=reason)
    assert read_file(write_file(version).encode()) == (level, settings, reason)


def test_without_a_level_it_is_the_organisations() -> None:
    assert read_file(b"settings: {tolerance: 0.02}\nreason: x")[0] == Level()
    assert read_file(b"settings: {tolerance: null}\nreason: x")[1] == Settings()
    assert read_file(b"settings:\nreason: x")[1] == Settings()


BOMB = b"a: &a [x]\nb: &b [*a,*a]\nsettings: {routes: *b}\nreason: x"
REFUSED: dict[str, list[bytes]] = {
    "policy.file": [
        b"",
        b"\xff\xfe",
        b"settings: [",
        b"- settings",
        b"reason: x",
        b"settings: {}",
        b"settings: {}\nreason: x\nowner: me",
        b"settings: {}\nreason: x\n---\nsettings: {}\nreason: y",
        b"settings: {}\nreason: x\nreason: y",
        b"settings: {tolerance: 0.01, tolerance: 0.02}\nreason: x",
        b"settings: {routes: [[[[[x]]]]]}\nreason: x",
        b"[" * 5_000,
        b"settings: !!python/object/apply:os.system ['true']\nreason: x",
        b"settings: !!map {}\nreason: x",
        b"settings: {routes: &a [x]}\nreason: x",
        b"{[1]: 2}",
        BOMB,
        b"reason: " + b"x" * LARGEST,
        b"settings: {}\nreason: \x00",
    ],
    "policy.unknown_field": [
        b"settings: {<<: {tolerance: 0.01}}\nreason: x",
        b"settings: {secret: 1}\nreason: x",
        b"settings: [1]\nreason: x",
    ],
    "policy.value": [
        b"settings: {tolerance: .nan}\nreason: x",
        b"settings: {tolerance: nan}\nreason: x",
    ],
    "policy.time": [b"settings: {digest_at: [8:00]}\nreason: x"],
    "policy.level": [
        b"level: {region: x}\nsettings: {}\nreason: x",
        b"level: lending\nsettings: {}\nreason: x",
        b"level: {tier: one}\nsettings: {}\nreason: x",
    ],
    "policy.no_reason": [b"settings: {}\nreason: [x]"],
}


@pytest.mark.parametrize(
    ("rule", "text"), [(rule, text) for rule, texts in REFUSED.items() for text in texts]
)
def test_what_is_no_policy_file_is_refused_by_name(rule: str, text: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        read_file(text)
    assert refusal.value.rule == rule
    assert "secret" not in refusal.value.detail


def test_no_value_is_guessed() -> None:
    """YAML 1.1 reads 22:00 as 1320 and `no` as false."""
    said: dict[str, Any] = plain(read_file(b"settings: {routes: [no, 1e3]}\nreason: 2026-01-01")[1])
    assert said == {"routes": ["no", "1e3"]}
