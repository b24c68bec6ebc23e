"""How good a model with several classes is: estimated from its class scores, and realised.

Figures over all classes have their plain names (accuracy, macro_f1); a class's own are called
"recall:1f0c22ab", after its token. `limit` is the reference's figure. A window in which one class
was predicted too rarely to be told has no figures.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from countersign.tables import Labels
from detectors.counted import Counted
from detectors.figures import Figures, named
from detectors.learning.classes import labelled_classes, scored_classes, told_in
from detectors.learning.known import Known
from detectors.learning.score import SEED
from detectors.statistics.estimate import Estimate
from detectors.statistics.multiclass import OVERALL, estimate_classes, realised_classes


def estimate(known: Known, counted: Counted) -> list[Figures]:
    """Performance as the class scores promise it, with its band."""
    classes = known.classes
    if classes is None or not told_in(counted.told, classes.columns):
        return []
    scored = scored_classes(counted.told, classes.columns, classes.cells)
    rng = np.random.default_rng(SEED)
    found = estimate_classes(classes.calibrations, *scored, rng, counted.noise)
    return [_named("estimated_performance", found, classes.metrics, classes.names)]


def realise(known: Known, counted: Counted, labels: Sequence[Labels]) -> list[Figures]:
    """Performance by the labels known so far; nothing while too few are known to tell."""
    classes = known.classes
    if classes is None or not told_in(counted.told, classes.columns):
        return []
    scored = scored_classes(counted.told, classes.columns, classes.cells)
    every, chosen = labelled_classes(labels, scored, classes.columns, classes.cells)
    if every.counts.sum() < 1:
        return []
    found = realised_classes(every, chosen, np.random.default_rng(SEED), counted.noise)
    return [_named("realised_performance", found, classes.metrics, classes.names)]


def _named(
    detector: str,
    found: Mapping[str, Estimate],
    reference: Mapping[str, Estimate],
    classes: Sequence[str],
) -> Figures:
    """Every class's figures under names of their own."""
    now, then = _single(found, classes), _single(reference, classes)
    return named(detector, now, then)


def _single(found: Mapping[str, Estimate], classes: Sequence[str]) -> dict[str, Estimate]:
    single = {name: found[name] for name in OVERALL if name in found}
    for name, e in found.items():
        if name not in OVERALL:
            single |= {f"{name}:{c}": Estimate(*(p[i] for p in e)) for i, c in enumerate(classes)}
    return single
