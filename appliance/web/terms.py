"""What things are called, each with one line that explains it to somebody new to statistics."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from .words import number, plain, points, share

Unit = Callable[[float | None], str]


@dataclass(frozen=True)
class Term:
    """What something is called, and what that means in one line."""

    name: str
    meaning: str


METRICS = {
    "accuracy": Term("Accuracy", "Of all decisions, the share that was right."),
    "precision": Term("Precision", "Of the rows the model said yes to, the share that was yes."),
    "recall": Term("Recall", "Of the rows that were yes, the share the model found."),
    "specificity": Term("Specificity", "Of the rows that were no, the share the model left out."),
    "f1": Term("F1", "Precision and recall in one figure; it falls if either falls."),
    "auc": Term("AUC", "How often a yes scores above a no: 1 is always, 0.5 is guessing."),
    "pr_auc": Term("PR AUC", "Average precision over all thresholds; for rare positives."),
    "mcc": Term("MCC", "Agreement of decision and outcome: 1 is perfect, 0 is guessing."),
    "brier": Term("Brier score", "Mean squared distance of score and outcome; smaller is better."),
    "log_loss": Term("Log loss", "How surprised the scores are by outcomes; smaller is better."),
    "calibration_error": Term(
        "Calibration error", "How far the scores lie from what happens; smaller is better."
    ),
    "macro_precision": Term(
        "Precision", "The mean of the classes’ precision, each counting alike."
    ),
    "macro_recall": Term("Recall", "The mean of the classes’ recall, each counting alike."),
    "macro_f1": Term("F1", "The mean of the classes’ F1; small classes count like large ones."),
    "macro_auc": Term("AUC", "The mean of the classes’ AUC, each against all others."),
    "mae": Term("Mean absolute error", "How far predictions are off on average, either way."),
    "rmse": Term("Root mean squared error", "The same, with large errors counting more."),
    "me": Term("Mean error", "Above 0 predictions are too high on average, below 0 too low."),
    "median": Term("Median error", "Half of the errors are below, half above."),
    "within_90": Term("Nine in ten within", "The size that nine errors in ten stay below."),
    "positive_share": Term("Share of yes", "The share of all rows whose outcome is a yes."),
    "wrong_per_10000": Term("Wrong decisions", "More among 10,000 than in the reference."),
    "cost": Term("Cost", "What a window costs more than one in the reference."),
    "positive_rate": Term("Positive rate", "The share of rows whose outcome is likely to be yes."),
    "selection_rate": Term("Selection rate", "The share of rows that the model says yes to."),
}
UNIT_NAMES = {"ms": "ms", "milliseconds": "ms", "s": "s", "seconds": "s"}
SHARES = {
    *("accuracy", "precision", "recall", "specificity", "positive_rate", "selection_rate"),
    *("macro_precision", "macro_recall", "positive_share"),
}
IN_UNITS = {"mae", "rmse", "me", "median", "within_90"}  # of what a regression predicts

METER = {
    "mean": Term("Mean", "all values together, divided by the rows"),
    "p10": Term("One in ten below", "a tenth of the rows stays below"),
    "p50": Term("Half below", "half of the rows stay below (median)"),
    "p95": Term("95\u202f% below", "only one row in twenty lies above"),
    "p99": Term("99\u202f% below", "only one row in a hundred lies above"),
    "share": Term("Share of rows", "the share of rows in which it is true"),
}

FAIRNESS = {
    "selection_rate": Term("Got a yes", "the share of the group’s scored rows that got a yes."),
    "impact_ratio": Term(
        "Against the best-off", "that share, divided by the best-off group’s, which itself has 1."
    ),
    "ratio": Term("Ratio of yes", "the lowest group’s share of yes, divided by the highest."),
    "difference": Term("Gap in yes", "the highest share minus the lowest."),
    "accuracy": Term("Right decisions", "of all decisions, the share that was right (accuracy)."),
    "tpr": Term("Yes found", "of those who were a yes, the share that got one (recall)."),
    "fpr": Term("Wrong yes", "of those who were a no, the share that got a yes all the same."),
    "ppv": Term("Yes that held", "of those who got a yes, the share that were one (precision)."),
    "equal_opportunity": Term(
        "Gap in yes found",
        "the same, of the share that got a yes among those who were one (equal opportunity).",
    ),
    "equalised_odds": Term(
        "Gap in errors",
        "that gap or, where it is larger, the one among those who were a no (equalised odds).",
    ),
}

SLICES = {
    "error": Term("Wrong here", "the share of decisions that were wrong"),
    "loss": Term("Off by", "the mean absolute error"),
    "rest": Term("Against other rows", "the same here minus the same in all other rows"),
    "past": Term("Against its past", "the same here minus the same here in the reference"),
    "decision": Term("Got a yes", "the share of rows that the model says yes to"),
    "total": Term("Change", "now minus the reference"),
    "mix": Term("From different rows", "other parts of the rows have become more frequent"),
    "within": Term("From rows treated otherwise", "rows of the same part fare otherwise"),
}
EFFECTS = {
    "wasserstein": Term("Distance", "how far rows moved on average, in the column’s own unit"),
    "hellinger": Term("Hellinger", "0 is the same, 1 has nothing in common"),
    "jensen_shannon": Term("Jensen–Shannon", "0 is the same, 1 has nothing in common"),
    "psi": Term("PSI", "population stability index"),
}

RATES = {
    "missing": Term("Missing", "Rows in which the column is empty."),
    "invalid": Term("Wrong type", "Rows whose value the column can't hold, such as text."),
    "out_of_range": Term("Out of range", "Rows below or above everything in the reference."),
    "other_category": Term("New category", "Rows with a category outside the vocabulary."),
}
DETECTORS = RATES | {
    "shift": Term("Drift", "The column's values are spread differently."),
    "drift_alarm": Term(
        "Drift, over time", "Adds up what each window says, and alarms once it can't be chance."
    ),
    "ks": Term(
        "Drift, numbers", "Kolmogorov-Smirnov: the widest gap between two spreads of values."
    ),
    "q": Term("Drift, categories", "Weighs how far every category's share has moved."),
    "volume": Term("Rows", "How many rows arrived, against what the reference lets expect."),
    "column_gone": Term("Column gone", "A column that held values, and holds none now."),
    "late_window": Term("Late", "The window arrived after its time of grace."),
    "missing_window": Term("Did not arrive", "A window that should have come, and did not."),
    "sign_off_condition": Term("Condition", "What was demanded when the version was approved."),
    "examination": Term("Not examined", "A window that arrived, and could not be examined."),
    "fairness_selection": Term(
        "Decisions by group", "How often each group gets a yes, beside the other groups."
    ),
    "fairness_outcome": Term(
        "Errors by group", "How often the decisions about each group were right, once known."
    ),
    "estimated_error": Term(
        "Estimated errors", "How large errors are likely to be, before outcomes are known."
    ),
    "realised_error": Term(
        "Realised errors", "How large the errors were, once outcomes are known."
    ),
    "label_shift": Term(
        "Share of yes", "How many of all rows are a yes, told from what the model decides."
    ),
    "error_shift": Term("Errors, over time", "The errors are spread differently."),
    "quality_shift": Term("Quality, over time", "What answers turned out to be worth has changed."),
    "slice_decision": Term("Decisions by slice", "How often each part of the rows gets a yes."),
    "slice_error": Term("Errors by slice", "In which part of the rows the model does worse."),
    "meters": Term(
        "Meters", "Response times, errors, cost, grades: whatever is counted beside the decision."
    ),
    "quality": Term("Quality", "How good each answer or ranking turned out, told with the labels."),
    "multivariate": Term("Columns together", "Whether columns still go up and down together."),
    "embedding": Term("Embedding", "Whether texts, pictures or other vectors still look alike."),
    "rowwide": Term("Whole rows", "What shows only where several columns are looked at together."),
    "attributions": Term("What it leans on", "Which columns move the model’s score, and how much."),
    "impact": Term("Cost", "What a change costs, in money or in wrong decisions."),
    "estimated_performance": Term(
        "Estimated performance",
        "How good the decisions are likely to be, from the scores alone, before labels are known.",
    ),
    "realised_performance": Term(
        "Realised performance", "How good the decisions were, once outcomes are known."
    ),
}

EVENTS = {
    "deployment": "Deployment",
    "upstream_change": "Upstream change",
    "incident_elsewhere": "Incident elsewhere",
    "maintenance": "Maintenance",
}

MEANINGS = {
    "sign_off": "Those who approved this version set a condition, and it no longer holds. The "
    "approval has ended and a review is asked for. Nothing was done to the model itself: whether "
    "it may go on meanwhile is for people to decide.",
    "feed": "Something between the model and this appliance has stopped, slowed or changed in "
    "volume. While windows are missing, nobody can say how the model is doing; that is a finding "
    "about the monitoring, not yet about the model.",
    "data_quality": "How often the data that reach the model are empty, of the wrong type or "
    "outside what it was built on has changed. A model does not refuse such rows; it decides on "
    "them all the same, and worse. Where there are fewer of them, something upstream has changed "
    "too. Repair usually belongs to whoever delivers the column.",
    "drift": "The people or things that the model decides on are no longer the ones of the "
    "reference. That is not an error by itself. It matters when the model is worse on the new "
    "ones; the estimated performance says whether that seems so.",
    "service": "The service around the model answers at another speed, fails at another rate or "
    "costs another amount than it did; the figures say in which direction. The decisions "
    "themselves may be as good as ever; whether anybody waits for them, or pays more, is another "
    "matter. Repair usually belongs to whoever runs the service.",
    "answers": "The answers are graded otherwise than in the reference as they are given. A grade "
    "is itself a judgement: either the answers have changed, or what people ask, or the judge. "
    "Read some of each before deciding which.",
    "performance": "Known outcomes are others than in the reference: the model errs more often or "
    "by other amounts, or its answers turned out to be worth more or less. This is measured, not "
    "estimated: the question is no longer whether, but why, and, if it is for the worse, whether "
    "the model may go on deciding meanwhile.",
}
SEVERITIES = {
    "high": "At its worst it affected decisions, or nobody could tell. Look today.",
    "medium": "Something changed beyond chance and tolerance. Look this week.",
    "low": "It changed, and so far it seems harmless. Know about it.",
}


def metric(name: str) -> Term:
    """A metric's term; one that nobody has explained yet is called by its name.

    A group's stands behind it:

    >>> metric("auc").name, metric("sex:1f0c22ab:tpr").name, metric("sex:ratio").name
    ('AUC', 'Yes found (sex 1f0c22ab)', 'Ratio of yes (sex)')
    """
    *of, figure = name.split(":")
    if of and figure in FAIRNESS:
        term = FAIRNESS[figure]
        return Term(f"{term.name} ({' '.join(of)})", term.meaning)
    return METRICS.get(name) or Term(name.replace("_", " ").capitalize(), "")


def inside(name: str) -> str:
    """A metric's name within a sentence; abbreviations keep their capitals.

    >>> inside("accuracy"), inside("auc")
    ('accuracy', 'AUC')
    """
    called = metric(name).name
    return (
        called if called[1:2].isupper() or called[1:2].isdigit() else called[0].lower() + called[1:]
    )


def metric_unit(name: str) -> Unit:
    """How a metric is written: as a percentage where it is a share."""
    if name in SHARES:
        return share
    return number if name in IN_UNITS else plain


def apart_unit(name: str) -> Unit:
    """How two values of a metric lie apart."""
    return points if name in SHARES else metric_unit(name)


def meter_unit(column: str) -> Unit:
    """How a metered column's values are written: with the unit that its name ends in.

    >>> meter_unit("latency_ms")(412.0).replace("\u202f", " "), meter_unit("quality")(0.83)
    ('412 ms', '0.83')
    """
    unit = UNIT_NAMES.get(re.split(r"[ _.-]", column.lower())[-1])
    return number if unit is None else lambda v: number(v) + ("" if v is None else f"\u202f{unit}")


def detector(slug: str) -> Term:
    """A detector's term."""
    return DETECTORS.get(slug) or Term(slug.replace("_", " ").capitalize(), "")


def raised(column: str, slug: str, *, more: bool = False) -> str:
    """An alarm in a few words; `more` where a rate is known to lie above its limit.

    >>> raised("age", "shift"), raised("income", "missing"), raised("sex:1f0c22ab", "error_rate")
    ('age drifted', 'income: missing changed', 'wrong decisions about sex 1f0c22ab changed')
    >>> raised("income", "missing", more=True), raised("paid", "error_shift")
    ('income: more missing', 'errors of paid changed')
    >>> raised("second moments", "rowwide")
    'whole rows changed (second moments)'
    """
    if slug == "error_rate":
        about = f" about {column.replace(':', ' ')}" if column else ""
        return f"wrong decisions{about} changed"
    if slug == "error_shift":
        return f"errors of {column} changed"
    if slug == "rowwide":
        return f"whole rows changed ({column})"
    if slug.endswith("shift"):
        return f"{column} drifted"
    name = detector(slug).name.lower()
    return f"{column}: more {name}" if more else f"{column}: {name} changed"
