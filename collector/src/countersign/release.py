"""Raw counts to what may be told: every table is cut by the small-cell rule of `merging`.

Several parts of the same rows, such as the windows of a baseline, are released together and cut
alike. A table that is a part of another one is cut no finer: a group's than the score's, a label's
than the score's, a slice's than its columns', a series' than the total's.
"""

from collections.abc import Sequence

from .attributions import tell_attributions
from .batch import Counted, Tables
from .classes import (
    class_labels_since,
    cut_chosen,
    cut_class_labels,
    tell_chosen,
    tell_class_labels,
)
from .columns import column_since, cut_column, tell_column
from .cutting import Cutting
from .design import Design
from .errors import cut_errors, errors_since, tell_errors
from .maps import tell_maps
from .scores import cut_groups, cut_labels, labels_since, tell_groups, tell_labels
from .slices import (
    cut_label_slices,
    cut_slices,
    label_slices_since,
    tell_label_slices,
    tell_slices,
)
from .steps import Since
from .tables import LATER, Column, Labels, Tally


class Release:
    """Cuts the tables of some parts of the same rows alike, nested in an earlier release's cuts.

    Each part has no rows or at least `min_count`; with a `min_count` of 0 nothing is merged. A cut
    at the decision threshold is kept wherever it can be. A single part's labels are cut such that
    none of those told of it `earlier`, subtracted, gives a small count.
    """

    def __init__(
        self,
        parts: Sequence[Counted],
        design: Design,
        min_count: int,
        *,
        within: "Release | None" = None,
        earlier: Sequence[Labels] = (),
    ) -> None:
        self.design = design
        self.cutting: Cutting = Cutting(
            parts,
            min_count,
            within.cutting if within else None,
            [_since(parts[0].tables, told, design) for told in earlier],
        )
        for column in self._columns(later=False):
            prefer = design.decision if column.role == "score" else None
            cut_column(self.cutting, column, prefer)
        for cut in (cut_groups, cut_chosen, cut_slices):
            cut(self.cutting, self.design)

    def tallies(self) -> list[Tally]:
        """Each part's tables of what is known when a row is answered."""
        return [self._tally(part) for part in range(len(self.cutting.parts))]

    def labels(self) -> list[Labels]:
        """Each part's tables of what became known; without those that one part can't tell."""
        for cut in (cut_labels, cut_errors, cut_class_labels, cut_label_slices):
            cut(self.cutting, self.design)
        for column in self._columns(later=True):
            cut_column(self.cutting, column)
        return [self._labels(part) for part in range(len(self.cutting.parts))]

    def _columns(self, *, later: bool) -> list[Column]:
        return [
            c for c in self.design.columns if (c.role in LATER) == later and c.role != "outcome"
        ]

    def _tally(self, part: int) -> Tally:
        counted, seen = self.cutting.parts[part], (self.cutting, part, self.design)
        return Tally(
            rows=counted.rows,
            columns={
                c.name: tell_column(self.cutting, part, c) for c in self._columns(later=False)
            },
            groups=tell_groups(*seen),
            chosen=tell_chosen(*seen),
            slices=tell_slices(*seen),
            maps=tell_maps(*seen),
            attributions=tell_attributions(counted, self.design, self.cutting.min_count),
        )

    def _labels(self, part: int) -> Labels:
        seen = (self.cutting, part, self.design)
        overall, groups = tell_labels(*seen)
        errors, error_groups = tell_errors(*seen)
        return Labels(
            overall=overall,
            groups=groups,
            classes=tell_class_labels(*seen),
            errors=errors,
            error_groups=error_groups,
            quality={
                c.name: tell_column(self.cutting, part, c)
                for c in self._columns(later=True)
                if self.cutting.cuts["column", c.name] is not None
            },
            slices=tell_label_slices(*seen),
        )


def _since(tables: Tables, told: Labels, design: Design) -> Since:
    """What came to all tables since an earlier release of labels."""
    steps = labels_since(tables, told, design) | errors_since(tables, told, design)
    steps |= class_labels_since(tables, told, design) | label_slices_since(tables, told, design)
    for column in design.columns:
        steps |= column_since(tables, column, told.quality.get(column.name))
    return steps
