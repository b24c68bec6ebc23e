"""The card says what is claimed, and claims nothing where there is no noise."""

from typing import Any

import pytest

from detectors import charges, plans
from governance import zcdp
from tests.builders import a_statement, a_window

from .conftest import Caller, refused, registered, with_token
from .test_ledger import NOISE, allow_windows, noised_plan, noised_window
from .test_policy import PERSONS, the_policy_says

pytestmark = pytest.mark.django_db


def card(caller: Caller) -> dict[str, Any]:
    answer = caller.get("/models/loans/privacy")
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


def test_without_noise_nothing_is_claimed(ada: Caller, loans: str) -> None:
    ada.send("/windows", a_statement(a_window(loans)))
    told = card(ada)
    assert (told["differential_privacy"], told["guarantee"]) == (False, None)
    assert told["summary"] == "No differential privacy is claimed for this model."
    assert told["protection"]["min_count"] == 11
    assert "fewer than 11 rows" in told["terms"]["What protects instead"]
    assert "exact" in told["terms"]["What that does not give"]
    assert "no epsilon" in told["terms"]["Unit of privacy"]
    assert (told["statements_without_noise"], told["plan"]) == (2, loans)


def test_a_model_without_a_baseline_has_a_card_that_tells_what_is_demanded(ada: Caller) -> None:
    the_policy_says(**PERSONS)
    registered(ada)
    told = card(ada)
    assert (told["plan"], told["differential_privacy"]) == (None, False)
    assert told["demanded_by_policy"]["scale"] == PERSONS["scale"]
    assert told["demanded_by_policy"]["contribution"] == 3


def test_with_noise_the_card_tells_the_ledgers_figures(ada: Caller) -> None:
    digest = noised_plan(ada)
    allow_windows(digest, 4.5)
    for hour in (1, 2):
        ada.send("/windows", a_statement(noised_window(digest, hour)))
    told = card(ada)
    charge = charges.of_window(plans.read_plan(digest))
    guarantee, book = told["guarantee"], told["ledger"]
    assert guarantee["epsilon_per_window"] == pytest.approx(zcdp.epsilon_of(charge.rho, 1e-6))
    assert guarantee["figures_touched_per_window"] == charge.touched
    assert book["rho_spent"] == pytest.approx(2 * charge.rho)
    assert book["rho_spent"] + book["rho_left"] == pytest.approx(book["rho_limit"])
    assert book["epsilon_spent"] == pytest.approx(zcdp.epsilon_of(2 * charge.rho, 1e-6))
    assert book["statements"] == 2
    assert book["runs_out"] is not None
    assert "And 1 statement from before" in told["terms"]["Not noised"]
    assert told["statements_without_noise"] == 1  # the baseline
    assert set(told["terms"]) == {
        "Unit of privacy",
        "Neighbouring data",
        "Contribution bound",
        "Privacy loss of a window",
        "Privacy loss of a year",
        "Composition",
        "Trust model",
        "Mechanism and sampler",
        "Small cells",
        "Side channels",
        "Not noised",
    }


@pytest.mark.parametrize(
    ("rules", "unit", "bound"),
    [(NOISE, "A row (event-level)", "One row"), (PERSONS, "A person", "At most 3 rows")],
)
def test_the_card_names_whom_it_protects(
    ada: Caller, loans: str, rules: dict[str, Any], unit: str, bound: str
) -> None:
    the_policy_says(**rules)
    terms = card(ada)["terms"]
    assert terms["Unit of privacy"].startswith(unit)
    assert terms["Contribution bound"].startswith(bound)


def test_the_card_is_for_collectors_and_readers(ada: Caller, eve: Caller, loans: str) -> None:
    refused(eve.get("/models/loans/privacy"), 401, "credential.missing")
    refused(with_token("register").get("/models/loans/privacy"), 403, "credential.scope")
    refused(ada.get("/models/cards/privacy"), 404, "model.unknown")
