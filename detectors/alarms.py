"""Sequential alarms: all of a version's streams, laid out in one compact state, and their limit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from detectors.counted import Counted
from detectors.figures import Figures
from detectors.learning.known import Known, streams_of
from detectors.reading import Array
from detectors.statistics import e_detector
from detectors.statistics.e_detector import State as StreamState
from governance.policies import Policy

State = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Alarm:
    """One stream that raised an alarm: which detector over which column, and how far above."""

    detector: str
    column: str
    evidence: float


@dataclass(frozen=True)
class Raised:
    """All alarms of one window, and every stream's evidence relative to its limit."""

    alarms: list[Alarm]
    figures: Figures


class Budget:
    """The false alarms that a version may raise in a year, shared by all its streams in every
    deployment. Two versions side by side have a budget each.
    """

    def __init__(self, known: Known, deployments: int, policy: Policy) -> None:
        windows_per_year = 365 * 86_400 / known.statement.window_seconds
        streams = known.streams * deployments
        allowed = policy.false_alarms_per_year
        # ln c: a stream raises an alarm where its ln M reaches this.
        self.log_limit = e_detector.alarm_limit(streams, windows_per_year, allowed)
        # Volume and maps are tested window by window: the chance that each may take for an alarm.
        self.share = allowed / (streams * windows_per_year)


def advance(state: State, known: Known, counted: Counted, budget: Budget) -> tuple[Raised, State]:
    """All streams after one window. An empty state means that nothing was seen yet."""
    alarms: list[Alarm] = []
    names: list[str] = []
    evidence: list[Array] = []
    grown: list[State] = []
    offset = 0
    noise = replace(counted.noise, draws=1)  # the window's own: the reference may have had another
    for block, counts in zip(known.blocks, counted.cells, strict=True):
        streams = dict(streams_of(block.block, counts))
        for watched in block.watched:
            window = streams[watched.detector]
            before, offset = _piece(state, offset, window.successes.shape)
            limits = replace(watched.limits, noise=noise)
            after, log_mean = e_detector.advance(
                before, window, limits, counted.season, counted.noise.draws
            )
            raised = log_mean >= budget.log_limit
            grown.append(e_detector.restart(after, raised).ravel())
            share = np.maximum(log_mean, 0) / max(budget.log_limit, 1e-9)
            columns = block.block.names
            alarms += [
                Alarm(watched.detector, columns[i], float(share[i])) for i in np.flatnonzero(raised)
            ]
            names += [f"{name}:{watched.detector}" for name in columns]
            evidence.append(share)
    values = np.concatenate(evidence)
    figures = Figures("alarm", names, values, limit=np.ones_like(values))
    return Raised(alarms, figures), np.concatenate(grown)


def advance_outcomes(
    state: State,
    known: Known,
    fresh: Sequence[Array],
    season: int,
    budget: Budget,
    *,
    first: bool = True,
) -> tuple[Raised, State]:
    """The streams of what became known, after some labels more; `first` if they are a window's
    first ones.

    `fresh` has the newly known cells of each of `known.outcomes`, (names, size).
    """
    alarms: list[Alarm] = []
    names: list[str] = []
    evidence: list[Array] = []
    grown: list[State] = []
    offset = 0
    for each, cells in zip(known.outcomes, fresh, strict=True):
        window = each.layout.split(cells)
        before, offset = _piece(state, offset, window.successes.shape)
        after, log_mean = e_detector.advance(before, window, each.limits, season, first=first)
        raised = log_mean >= budget.log_limit
        grown.append(e_detector.restart(after, raised).ravel())
        share = np.maximum(log_mean, 0) / max(budget.log_limit, 1e-9)
        about = each.layout.names
        alarms += [
            Alarm(each.layout.detector, about[i], float(share[i])) for i in np.flatnonzero(raised)
        ]
        names += [f"{name}:{each.layout.detector}" for name in about]
        evidence.append(share)
    values = np.concatenate(evidence)
    figures = Figures("alarm_outcomes", names, values, limit=np.ones_like(values))
    return Raised(alarms, figures), np.concatenate(grown)


def _piece(state: State, offset: int, shape: tuple[int, ...]) -> tuple[StreamState, int]:
    """The next streams' share of the state, and where the one after begins."""
    fresh = e_detector.initial_state(*shape)
    if state.size == 0:
        return fresh, 0
    end = offset + fresh.size
    return state[offset:end].reshape(fresh.shape), end
