"""How severe an incident is, and by when somebody should have dealt with it.

Three things decide. *Impact* is what the detector says of the finding: high where decisions were
affected or nobody could tell, medium where something changed beyond chance and tolerance, low
where it seems harmless. *Certainty*: a finding is certain if its window shows it alone, and likely
if only several windows together do. The *tier* says how much the model matters; a model without
one is treated as tier 2. On top of that a policy may name the least severity of a cause.
"""

from datetime import timedelta

CERTAIN, LIKELY = "certain", "likely"
USUAL_TIER = 2

#   tier  impact     certain   likely
SEVERITIES_BY_TIER: dict[int, dict[str, tuple[str, str]]] = {
    1: {"high": ("high", "high"), "medium": ("high", "medium"), "low": ("low", "low")},
    2: {"high": ("high", "high"), "medium": ("medium", "medium"), "low": ("low", "low")},
    3: {"high": ("high", "medium"), "medium": ("medium", "low"), "low": ("low", "low")},
}
DUE = {"high": timedelta(days=1), "medium": timedelta(days=7), "low": timedelta(days=30)}


def severity(impact: str, certainty: str, tier: int | None) -> str:
    """
    >>> severity("medium", CERTAIN, 1), severity("medium", LIKELY, None), severity("low", LIKELY, 3)
    ('high', 'medium', 'low')
    """
    certain, likely = SEVERITIES_BY_TIER[tier or USUAL_TIER][impact]
    return certain if certainty == CERTAIN else likely


def certainty(
    value: float | None, low: float | None, high: float | None, limit: float | None
) -> str:
    """Whether an interval lies wholly beyond the limit; what has no interval was simply counted.

    >>> certainty(0.4, 0.35, 0.45, 0.3), certainty(0.4, 0.28, 0.5, 0.3)
    ('certain', 'likely')
    >>> certainty(1.0, None, None, 1.0)
    'certain'
    """
    if value is None or low is None or high is None or limit is None:
        return CERTAIN
    return CERTAIN if low > limit or high < limit else LIKELY
