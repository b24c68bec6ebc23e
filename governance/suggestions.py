"""What one might do about an incident, and why. Suggestions only: nothing is done by itself.

`RULES` is the whole of it: a row holds for an incident of its cause that has a finding of one of
its detectors (any, if none is named) with one of its impacts (any, if none is named). `{names}` are
the columns or figures of those findings, the worst first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

NAMED = 3


@dataclass(frozen=True)
class Suggestion:
    """Something that people may decide to do, with the reason for it."""

    action: str
    reason: str


@dataclass(frozen=True)
class Rule:
    """When an action is suggested, and the reason that is given."""

    cause: str
    action: str
    reason: str
    detectors: frozenset[str] = frozenset()
    impacts: frozenset[str] = frozenset()

    def speaks_of(self, finding: dict[str, Any]) -> bool:
        """Whether this finding is what the rule is about."""
        return (not self.detectors or finding["detector"] in self.detectors) and (
            not self.impacts or finding.get("impact", finding["severity"]) in self.impacts
        )


HIGH, MEDIUM, LOW = frozenset({"high"}), frozenset({"medium"}), frozenset({"low"})
ABSENT = frozenset({"missing_window", "volume"})
OUTCOMES = frozenset({"realised_performance"})

RULES = (
    Rule(
        "feed",
        "Fix upstream",
        "What brings the windows has stopped or changed in volume. Until it is back, nobody can "
        "say how the model is doing.",
        ABSENT,
    ),
    Rule("feed", "Watch", "A window came late; nothing in it is lost.", frozenset({"late_window"})),
    Rule(
        "feed",
        "Fix the appliance",
        "The examination itself fails; its worker’s log says why.",
        frozenset({"examination"}),
    ),
    Rule(
        "data_quality",
        "Fix upstream",
        "Whoever fills {names} can repair it; the model decides on such rows as they come.",
        impacts=HIGH | MEDIUM,
    ),
    Rule(
        "data_quality",
        "Restrict",
        "The model was built with {names}. Until it is back, let people decide, or leave out the "
        "decisions that lean on it.",
        frozenset({"column_gone"}),
    ),
    Rule(
        "data_quality",
        "Watch",
        "There are fewer damaged rows in {names} than before: no harm, but something has changed.",
        impacts=LOW,
    ),
    Rule(
        "drift",
        "Recalibrate",
        "The estimated accuracy has fallen with {names}. If the order of the scores still holds, "
        "new thresholds or a new calibration are enough.",
        impacts=HIGH,
    ),
    Rule(
        "drift",
        "Retrain",
        "If the people or things decided on have changed for good, the model should learn from "
        "the new ones.",
        impacts=HIGH,
    ),
    Rule(
        "drift",
        "Watch",
        "{names} changed beyond chance; whether it harms isn’t known. The first outcomes will say.",
        impacts=MEDIUM,
    ),
    Rule("drift", "Watch", "By the scores, the model does as well as before.", impacts=LOW),
    Rule(
        "performance",
        "Retrain",
        "Known outcomes are worse ({names}); retraining helps if they are of the new kind of rows.",
        impacts=HIGH,
    ),
    Rule(
        "performance",
        "Restrict",
        "Until it is understood, let people decide where the model errs most; the slices and "
        "groups on the version’s page say where.",
        OUTCOMES,
    ),
    Rule(
        "performance",
        "Withdraw",
        "If the errors can’t be confined, going on costs more than stopping.",
        OUTCOMES,
        HIGH,
    ),
    Rule(
        "performance", "Watch", "{names} changed; nobody told which way is better.", impacts=MEDIUM
    ),
    Rule(
        "service", "Fix upstream", "Whoever runs the service around the model can repair {names}."
    ),
    Rule(
        "answers",
        "Watch",
        "Read some answers from before and after: the answers, the questions or the judge changed.",
    ),
    Rule(
        "sign_off",
        "Review",
        "The approval ended with its condition, and a review was asked for. Decide whether the "
        "version may go on meanwhile.",
    ),
)


def suggest(cause: str, findings: Sequence[dict[str, Any]]) -> list[Suggestion]:
    """What one might do, one line for each action.

    >>> [s.action for s in suggest("feed", [{"detector": "late_window", "name": "arrival",
    ...                                      "severity": "low"}])]
    ['Watch']
    """
    found: dict[str, Suggestion] = {}
    for rule in RULES:
        about = [f["name"] for f in findings if rule.cause == cause and rule.speaks_of(f)]
        if about:
            reason = rule.reason.format(names=_named(about))
            found.setdefault(rule.action, Suggestion(rule.action, reason))
    return list(found.values())


def _named(names: Iterable[str]) -> str:
    """
    >>> _named(["age", "age", "income"]), _named(["a", "b", "c", "d"])
    ('age, income', 'a, b, c and 1 more')
    """
    once = list(dict.fromkeys(names))
    more = f" and {len(once) - NAMED} more" if len(once) > NAMED else ""
    return ", ".join(once[:NAMED]) + more
