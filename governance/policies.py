"""The rules of the organisation that a window is judged by. For now one policy for everybody."""

import hashlib
from dataclasses import asdict, dataclass

import msgspec


@dataclass(frozen=True)
class Policy:
    """What administrators decide.

    `false_alarms_per_year`: how many false alarms a version may raise in a year (the budget).
    `tolerance`: a share that moves by less than this (0.01 is one percentage point) is nobody's
    concern, however sure it is.
    `min_count`: the smallest count that may cross the trust line.
    `mechanism`: the noise that collectors add; so far there is none.
    `grace_seconds`: how long after its end a window, or a shard of it, may still be on time.
    `plan_grace_seconds`: how long a superseded plan is still accepted.
    """

    false_alarms_per_year: float = 1.0
    tolerance: float = 0.01
    min_count: int = 11
    mechanism: str = "none"
    grace_seconds: int = 6 * 3600
    plan_grace_seconds: int = 7 * 86_400

    @property
    def digest(self) -> str:
        """SHA-256 of the policy's canonical JSON: what an incident says it was judged by."""
        return hashlib.sha256(msgspec.json.encode(asdict(self), order="sorted")).hexdigest()


def in_force() -> Policy:
    """The policy that judges now."""
    return Policy()
