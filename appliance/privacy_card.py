"""The privacy card of a model: what is claimed of its statements, in the terms of NIST SP 800-226.

Where there is no noise, nothing is claimed, and the card says so first.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from appliance.web.words import many
from countersign.tables import Privacy
from detectors import charges, plans
from detectors.models import Plan, Statement
from governance import ledger, policies, zcdp
from governance.ledger import UNIT, Standing
from governance.models import Loss, Model
from governance.policies import Composed, Level

COUNTED = ("baseline", "window", "outcomes")

MECHANISMS = {
    "none": "no noise",
    "discrete_laplace": "discrete Laplace noise",
    "discrete_gaussian": "discrete Gaussian noise",
}


@dataclass(frozen=True)
class Claim:
    """What one plan's noise guarantees. Epsilons are at the policy's delta."""

    privacy: Privacy
    delta: float
    window: charges.Charge
    outcomes: charges.Charge

    @property
    def epsilon_per_window(self) -> float:
        """Of one window's counts."""
        return zcdp.epsilon_of(self.window.rho, self.delta)

    @property
    def epsilon_per_outcomes(self) -> float:
        """Of one window's labels."""
        return zcdp.epsilon_of(self.outcomes.rho, self.delta)


@dataclass(frozen=True)
class Card:
    """Everything that the page and the file say of a model."""

    model: Model
    in_force: Composed
    plan: Plan | None
    protected: Privacy
    claim: Claim | None
    standing: Standing
    uncovered: int

    @property
    def answer(self) -> str:
        """The card in one sentence."""
        if self.claim is None:
            return "No differential privacy is claimed for this model."
        policy = self.in_force.policy
        return (
            f"Counts carry {MECHANISMS[self.protected.mechanism]}, and all noised statements of "
            f"365 days together stay within epsilon {policy.epsilon_per_year:g} at delta "
            f"{short(policy.delta)}."
        )

    @property
    def terms(self) -> list[tuple[str, str]]:
        """Each term of the card and what is to be said of it."""
        return (_without_noise if self.claim is None else _with_noise)(self)


def card_of(model: Model, now: datetime) -> Card:
    """The card as it stands; the newest plan of the newest version speaks for the model."""
    in_force = policies.composed(Level.of(model))
    policy = in_force.policy
    rows = Plan.objects.filter(baseline__version__model=model).select_related("baseline")
    row = rows.order_by("-baseline__version", "-baseline__revision", "-pk").first()
    claim, protected = None, Privacy(min_count=policy.min_count)
    if row is not None:
        plan = plans.read_plan(row.digest)
        protected = plan.privacy
        if protected.mechanism != "none":
            window, outcomes = charges.of_window(plan), charges.of_outcomes(plan)
            claim = Claim(protected, policy.delta, window, outcomes)
    return Card(
        model=model,
        in_force=in_force,
        plan=row,
        protected=protected,
        claim=claim,
        standing=ledger.standing(model, policy, now),
        uncovered=_uncovered(model),
    )


def as_json(card: Card) -> dict[str, Any]:
    """The card as a file."""
    policy, standing, claim = card.in_force.policy, card.standing, card.claim
    demanded = {name: getattr(policy, name) for name in policies.NAMES}
    return {
        "model": card.model.name,
        "business_unit": card.model.business_unit,
        "tier": card.model.tier,
        "differential_privacy": claim is not None,
        "summary": card.answer,
        "demanded_by_policy": demanded,
        "plan": card.plan.digest if card.plan else None,
        "protection": {name: getattr(card.protected, name) for name in Privacy.__struct_fields__},
        "guarantee": None if claim is None else _guarantee(claim, card),
        "ledger": {
            "days": ledger.YEAR.days,
            "epsilon_limit": policy.epsilon_per_year,
            "delta": policy.delta,
            "rho_limit": standing.limit / UNIT,
            "rho_spent": standing.spent / UNIT,
            "rho_left": standing.left / UNIT,
            "epsilon_spent": standing.epsilon,
            "statements": standing.statements,
            "runs_out": standing.runs_out,
        },
        "statements_without_noise": card.uncovered,
        "terms": dict(card.terms),
    }


def _guarantee(claim: Claim, card: Card) -> dict[str, Any]:
    return {
        "unit": claim.privacy.unit,
        "contribution_bound": claim.privacy.contribution,
        "delta": claim.delta,
        "figures_touched_per_window": claim.window.touched,
        "rho_per_window": claim.window.rho,
        "epsilon_per_window": claim.epsilon_per_window,
        "figures_touched_per_outcomes": claim.outcomes.touched,
        "rho_per_outcomes": claim.outcomes.rho,
        "epsilon_per_outcomes": claim.epsilon_per_outcomes,
        "epsilon_per_year": card.in_force.policy.epsilon_per_year,
    }


def _uncovered(model: Model) -> int:
    """How many statements about rows came without noise: before the policy asked for it."""
    kept = Statement.objects.filter(version__model=model, kind__in=COUNTED).count()
    return kept - Loss.objects.filter(model=model).count()


_TRUST = (
    "The host of the model sees every row, and so does the collector on it. Noise is added and "
    "small cells are merged there, before anything leaves; this appliance, its administrators and "
    "whoever reads its database or log see only the result. In the terms of the guide this is the "
    "central model, with the model’s host as the curator and this appliance outside. The appliance "
    "checks what a statement declares; it cannot see whether the noise was drawn as declared."
)
_SIDE_CHANNELS = (
    "When a statement comes and how long it is; how many shards and corrections there are; which "
    "rule refused one. A refused statement is not kept and not charged, but its bytes did reach "
    "this appliance."
)
_NOT_NOISED = (
    "Names of columns, groups and deployments, and whether a column holds numbers or categories; "
    "bins’ edges and keyed tokens that people declared, or that an earlier baseline without noise "
    "found; periods of windows; the events that people report"
)


def _with_noise(card: Card) -> list[tuple[str, str]]:
    claim, policy = card.claim, card.in_force.policy
    assert claim is not None
    privacy = claim.privacy
    return [
        ("Unit of privacy", _unit(privacy)),
        (
            "Neighbouring data",
            f"Two sets of rows of which one has {_whom(privacy)} more than the other (add or "
            "remove; unbounded).",
        ),
        ("Contribution bound", _bound(privacy)),
        (
            "Privacy loss of a window",
            f"Epsilon {claim.epsilon_per_window:.3g} at delta {short(claim.delta)}: one row "
            f"changes at most {many(claim.window.touched, 'figure')} of it. Its labels, when they "
            f"come, cost epsilon {claim.epsilon_per_outcomes:.3g} "
            f"({many(claim.outcomes.touched, 'figure')}). Every shard and every correction costs "
            "the same again.",
        ),
        (
            "Privacy loss of a year",
            f"At most epsilon {policy.epsilon_per_year:g} at delta {short(policy.delta)} in any "
            "365 days, over all versions and deployments of the model. What would go beyond is "
            "refused.",
        ),
        (
            "Composition",
            "Zero-concentrated differential privacy: losses (rho) add up, also where somebody "
            "chooses later questions by earlier answers. Each statement’s loss is reserved before "
            "it is accepted. The sum counts a row as if it could be in every window, so it holds "
            "for people who come back.",
        ),
        ("Trust model", _TRUST),
        (
            "Mechanism and sampler",
            f"{_capital(MECHANISMS[privacy.mechanism])} of scale {privacy.scale:g} on every "
            "figure, in units of the most that one row can change it. Drawn exactly, in whole "
            "numbers and from the operating system’s random bits (Canonne, Kamath, Steinke 2020): "
            "there is no floating-point arithmetic to see through. Noise is drawn once for each "
            "figure; sums of figures need no more, and a statement that is sent again is the same "
            "bytes.",
        ),
        (
            "Small cells",
            "Told like all others, with their noise: which ones are merged or left out would tell "
            "of the rows. Pages still show no rate of fewer rows than "
            f"{privacy.min_count}; the guarantee does not rest on it.",
        ),
        ("Side channels", _SIDE_CHANNELS),
        ("Not noised", f"{_NOT_NOISED}.{_earlier(card)}"),
    ]


def _without_noise(card: Card) -> list[tuple[str, str]]:
    return [
        (
            "What protects instead",
            f"No count of fewer than {card.protected.min_count} rows is told: small cells are "
            "merged with a neighbour on the model’s host, in every table of the same rows alike, "
            "so that no two tables can be subtracted to give one back. Categories are keyed "
            "tokens; numbers are counted in bins; no single value, minimum or maximum is sent.",
        ),
        (
            "What that does not give",
            "A bound. Counts are exact, so somebody who knows all other rows of a window learns "
            "from a count what the last one holds, and what several windows tell together is not "
            "limited by any figure.",
        ),
        ("Unit of privacy", "None: without noise there is no epsilon, per window or per year."),
        ("Trust model", _TRUST.replace("Noise is added and small", "Small")),
        (
            "Side channels",
            f"{_SIDE_CHANNELS} Which cells are merged depends on the rows, and so tells a little.",
        ),
        ("Not noised", f"Everything. {_NOT_NOISED} are not merged either."),
    ]


def short(value: float, digits: int = 6) -> str:
    """
    >>> short(1e-6), short(0.5), short(12.3456789), short(12.3456789, 15)
    ('1e-6', '0.5', '12.3457', '12.3456789')
    """
    return f"{value:.{digits}g}".replace("e-0", "e-")


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _unit(privacy: Privacy) -> str:
    if privacy.unit == "person":
        return "A person, with all rows of theirs in a statement (user-level)."
    return (
        "A row (event-level). Somebody with several rows is protected less: with k rows in a "
        "window, the loss is k² times as large."
    )


def _whom(privacy: Privacy) -> str:
    return "all rows of one person" if privacy.unit == "person" else "one row"


def _bound(privacy: Privacy) -> str:
    if privacy.unit == "row":
        return "One row, by the unit itself."
    return (
        f"At most {privacy.contribution} rows of a person in a statement. The collector drops what "
        "goes beyond, by a key that stays on its host."
    )


def _earlier(card: Card) -> str:
    if not card.uncovered:
        return ""
    before = many(card.uncovered, "statement")
    return (
        f" And {before} from before the policy asked for noise, or under a plan of before: exact, "
        "and outside the claim."
    )
