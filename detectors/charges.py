"""What a noised statement gives away: how many figures one row can change, and by how much.

Counted in units of a figure's own bound, every figure that a row touches changes by at most 1:

    rows                                  1
    a column's cells                      1: the row is in one of them
    a metered column's two sums           2: by one value, and by its square, over their largest
    the score by a group column           3: cells and two sums, in one group's table
    class scores where chosen             3: in the one class that was predicted
    a slice                               1, and 1 for its hits
    labels by score, overall or by group  1 each
    labels by class                       1 for each class, and 1 for the one that was predicted
    errors, overall or by group           5 each: rows, three sums, cells of the error
    a quality column                      as any column
    a slice among labels                  1, 1 for its hits, 1 for its loss

The plan decides, not what a statement happens to tell: which tables are too small to tell depends
on the rows, so a statement that leaves one out has given that much away. A baseline with a series
tells its rows twice, in the total and in their window; finding bins in noised counts took two
figures more of each column of numbers, a vocabulary one. Means of maps and attributions have no
bound that noise could be held against: a noised statement has none of them.
"""

from dataclasses import dataclass

from countersign.statement import Baseline, Plan, Refused
from countersign.table_checks import Scheme
from countersign.tables import LATER, Column, Privacy, Tally
from governance import zcdp

FIGURES_OF_LAYOUT = {"numeric": 2, "categorical": 1, "boolean": 0}


@dataclass(frozen=True)
class Charge:
    """What one statement costs: its noise, and how many figures a row can change."""

    privacy: Privacy
    touched: int

    @property
    def rho(self) -> float:
        """In zCDP; 0 where there is no noise to speak of, because then nothing is claimed."""
        if self.privacy.mechanism == "none":
            return 0.0
        return zcdp.loss(
            touched=self.touched,
            contribution=self.privacy.contribution,
            scale=self.privacy.scale,
        )


def of_window(plan: Plan) -> Charge:
    """A window's, or one shard's of it."""
    return Charge(plan.privacy, touched_by_window(plan))


def of_outcomes(plan: Plan) -> Charge:
    """A window's labels'."""
    return Charge(plan.privacy, touched_by_outcomes(plan))


def of_baseline(baseline: Baseline) -> Charge:
    """A baseline's."""
    return Charge(baseline.privacy, touched_by_baseline(baseline))


def touched_by_window(plan: Plan | Baseline) -> int:
    """How many figures of a tally one row can change."""
    scheme = Scheme.of(plan)
    groups = 3 * len(scheme.named("group")) if scheme.score else 0
    chosen = 3 if scheme.named("class_score") else 0
    slices = len(scheme.slices) * (1 + scheme.decides)
    columns = sum(_figures(c) for c in scheme.columns if c.role not in LATER)
    return 1 + columns + groups + chosen + slices


def touched_by_outcomes(plan: Plan | Baseline) -> int:
    """How many figures of the labels one row can change."""
    scheme = Scheme.of(plan)
    kind = scheme.outcome.kind if scheme.outcome else None
    tables = 1 + len(scheme.named("group")) if scheme.score else 0
    by_kind = {
        "boolean": tables,
        "numeric": 5 * tables,
        "categorical": len(scheme.named("class_score")) + 1,
        None: 0,
    }
    quality = sum(_figures(c) for c in scheme.columns if c.role == "quality")
    slices = len(scheme.slices) * (1 + scheme.decides + (kind == "numeric"))
    return by_kind[kind] + quality + slices


def touched_by_baseline(baseline: Baseline) -> int:
    """How many figures of a baseline one row can change."""
    once = touched_by_window(baseline)
    if baseline.labels is not None:
        once += touched_by_outcomes(baseline)
    found = [column.kind for column in baseline.columns if column.layout == "noised"]
    layouts = sum(FIGURES_OF_LAYOUT[kind] for kind in found)
    return layouts + (2 * once if baseline.windows else once)


def check_noised(tally: Tally, privacy: Privacy, path: str) -> None:
    """A noised statement tells nothing that its noise does not cover."""
    if privacy.mechanism != "none" and (tally.maps or tally.attributions):
        raise Refused(
            "privacy.not_noised",
            "Means of maps and attributions carry no noise, so a noised statement has none.",
            path,
        )


def _figures(column: Column) -> int:
    return 3 if column.metered else 1
