"""Raw counts to the bytes of a window or outcomes statement, checked as the appliance will."""

from dataclasses import dataclass
from datetime import datetime

from .checks import check_outcomes, check_window
from .counting import Counted
from .release import Release
from .statement import (
    Labels,
    Outcomes,
    Plan,
    Refused,
    Tally,
    Window,
    decode,
    digest_of,
    encode,
    moment,
)


@dataclass(frozen=True)
class OpenPlan:
    """A plan whose signature was verified, with its digest and that of the version."""

    plan: Plan
    digest: str
    version_digest: str

    @classmethod
    def read(cls, payload: bytes) -> "OpenPlan":
        """From the bytes of the plan's statement."""
        subject, plan = decode(payload, Plan)
        if plan.privacy.mechanism != "none":
            raise Refused("privacy.mechanism_unknown", "This collector can't add noise.")
        return cls(plan, digest_of(payload), subject.digest["sha256"])


@dataclass(frozen=True, kw_only=True)
class Period:
    """What a statement is about: [start, end) of one deployment."""

    deployment: str
    start: datetime
    end: datetime
    revision: int = 1

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise Refused("window.naive_time", "Start and end have a time zone, such as UTC.")
        if self.start >= self.end:
            raise Refused("window.empty_period", "A window ends after it starts.")


def window_statement(
    opened: OpenPlan,
    counted: Counted,
    period: Period,
    *,
    shard: int = 0,
    shards: int = 1,
    replay: bool = False,
) -> bytes:
    """The counts of one window, or one shard of it."""
    plan = opened.plan
    window = Window(
        model=plan.model,
        version=plan.version,
        deployment=period.deployment,
        plan=opened.digest,
        start=moment(period.start),
        end=moment(period.end),
        shard=shard,
        shards=shards,
        revision=period.revision,
        replay=replay,
        privacy=plan.privacy,
        tally=_tally(opened, counted),
    )
    payload = encode(window, opened.version_digest)
    check_window(decode(payload, Window)[1], plan)
    return payload


def outcomes_statement(opened: OpenPlan, counted: Counted, period: Period) -> bytes:
    """The labels known so far for one window."""
    plan = opened.plan
    outcomes = Outcomes(
        model=plan.model,
        version=plan.version,
        deployment=period.deployment,
        plan=opened.digest,
        start=moment(period.start),
        end=moment(period.end),
        revision=period.revision,
        privacy=plan.privacy,
        labels=_labels(opened, counted),
    )
    payload = encode(outcomes, opened.version_digest)
    check_outcomes(decode(payload, Outcomes)[1], plan)
    return payload


def _too_few(opened: OpenPlan, counted: Counted) -> bool:
    return 0 < counted.rows < opened.plan.privacy.min_count


def _tally(opened: OpenPlan, counted: Counted) -> Tally:
    if _too_few(opened, counted):
        return Tally(rows=None, columns={})
    [tally] = _release(opened, counted).tallies()
    return tally


def _labels(opened: OpenPlan, counted: Counted) -> Labels:
    if _too_few(opened, counted):
        return Labels(overall=None)
    release = _release(opened, counted)
    release.tallies()
    [labels] = release.labels()
    return labels


def _release(opened: OpenPlan, counted: Counted) -> Release:
    plan = opened.plan
    return Release([counted], plan.columns, plan.privacy.min_count, threshold=plan.threshold)
