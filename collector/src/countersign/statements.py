"""Raw counts to the bytes of a window or outcomes statement, checked as the appliance will."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from .batch import Counted
from .checks import check_outcomes, check_window
from .counting import Counter
from .design import Design
from .noise import Noise
from .noising import Noising
from .release import Release
from .revisions import About, earlier_labels, note_bands, refuse_less
from .statement import Outcomes, Plan, Refused, Window, decode, digest_of, encode, moment
from .subjects import Subjects
from .table_checks import Scheme
from .tables import Labels, Tally


@dataclass(frozen=True)
class OpenPlan:
    """A plan whose signature was verified, with its digest and that of the version."""

    plan: Plan
    digest: str
    version_digest: str
    payload: bytes = b""  # its statement, as it was signed

    @classmethod
    def read(cls, payload: bytes) -> "OpenPlan":
        """From the bytes of the plan's statement."""
        subject, plan = decode(payload, Plan)
        return cls(plan, digest_of(payload), subject.digest["sha256"], payload)

    def counts_like(self, other: "OpenPlan") -> bool:
        """Whether what was counted under one of the two plans can be told under the other."""
        return _what_counts(self.plan) == _what_counts(other.plan)

    def subjects(self, key: bytes, column: str | None) -> Subjects | None:
        """What holds persons to the plan's bound, by the column with each row's person."""
        if column in Scheme.of(self.plan).by_name:
            raise Refused("noise.subject", "The column with each row's person is not counted.")
        return Subjects.under(self.plan.privacy, column, key)

    def counter(self, key: bytes) -> Counter:
        """Counts what a window's statement needs."""
        return Counter(Design.of(self.plan).now, self.plan.model, key)

    def outcome_counter(self, key: bytes) -> Counter:
        """Counts what an outcomes statement needs: labels, and what they are counted by."""
        design = Design.of(self.plan).later
        if not design.has_labels:
            raise Refused(
                "labels.no_score",
                "Labels need a score and an outcome, or a quality column, in the baseline.",
            )
        return Counter(design, self.plan.model, key)


def _what_counts(plan: Plan) -> tuple[object, ...]:
    privacy, noised = plan.privacy, plan.privacy.mechanism != "none"
    bound = (privacy.unit, privacy.contribution) if noised else None
    return plan.columns, plan.slices, plan.maps, plan.threshold, noised, bound


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
        tally=_tally(opened, counted, means=period.revision == 1),
    )
    payload = encode(window, opened.version_digest)
    check_window(decode(payload, Window)[1], plan)
    return payload


def outcomes_statement(
    opened: OpenPlan, counted: Counted, period: Period, memory: Path | None = None
) -> bytes:
    """The labels known so far for one window; `memory` is the folder of what was told of it before.

    Raises `Refused` if too few labels changed since then to tell anything.
    """
    plan = opened.plan
    told: list[Labels] = []
    if memory is not None and plan.privacy.mechanism == "none":
        told = earlier_labels(memory, _about(opened, period))
        note_bands(memory, opened.digest, plan.slices)
    labels = _labels(opened, counted, told)
    refuse_less(labels, told)
    outcomes = Outcomes(
        model=plan.model,
        version=plan.version,
        deployment=period.deployment,
        plan=opened.digest,
        start=moment(period.start),
        end=moment(period.end),
        revision=period.revision,
        privacy=plan.privacy,
        labels=labels,
    )
    payload = encode(outcomes, opened.version_digest)
    check_outcomes(decode(payload, Outcomes)[1], plan)
    return payload


def _tally(opened: OpenPlan, counted: Counted, *, means: bool) -> Tally:
    """Means are told once: those of nearly the same rows could be subtracted."""
    design, floor = Design.of(opened.plan).now, opened.plan.privacy.min_count
    if design.noised:
        [exact] = Release([counted], design, 0).tallies()
        return Noising(design, Noise.of(opened.plan.privacy)).tally(exact)
    if 0 < counted.rows < floor:
        return Tally(rows=None, columns={})
    [tally] = Release([counted], design, floor).tallies()
    return tally if means else msgspec.structs.replace(tally, maps={}, attributions=None)


def _about(opened: OpenPlan, period: Period) -> About:
    plan = opened.plan
    start, end = moment(period.start), moment(period.end)
    return About(plan.model, plan.version, period.deployment, opened.digest, start, end)


def _labels(opened: OpenPlan, counted: Counted, told: Sequence[Labels]) -> Labels:
    design, floor = Design.of(opened.plan).later, opened.plan.privacy.min_count
    if design.noised:
        [exact] = Release([counted], design, 0).labels()
        return Noising(design, Noise.of(opened.plan.privacy)).labels(exact)
    if 0 < counted.rows < floor:
        return Labels()
    [labels] = Release([counted], design, floor, earlier=told).labels()
    return labels
