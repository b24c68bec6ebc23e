"""What each panel of a version's page says, in one world that has them all and in two others."""

import doctest
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from django.db import transaction
from django.test import Client, override_settings
from django.urls import reverse
from msgspec.structs import replace
from pytest_django.plugin import DjangoDbBlocker

from appliance.web import about, history, terms
from appliance.web.about import streams_of
from appliance.web.charts import Point
from appliance.web.panels import cost, performance, service, slices, together
from appliance.web.panels.evidence import Figure, Shown, shown
from appliance.web.terms import METER
from appliance.web.words import number, points
from countersign.statement import Baseline
from countersign.tables import Column, Counts, Tally
from detectors.learning.known import learn
from detectors.models import Window
from detectors.statistics.estimate import Estimate
from detectors.statistics.proportions import wilson
from detectors.statistics.track_record import track_record, with_room
from governance.handling import resolve_incident
from governance.models import Incident
from tests import cast
from tests.builders import COLUMNS, a_baseline, a_window, hours_ago
from tests.detectors.world import COLUMNS as FIVE
from tests.detectors.world import World
from tests.web import worlds
from tests.web.conftest import MOST_QUERIES, examine_all, queries_of
from tests.web.test_pages import page_of, words_of

LOANS = "/models/loans/1/"
REASON = "The provider's new region answers slowly; they move back on Friday."


@pytest.fixture(scope="module")
def seen(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory
) -> Iterator[dict[str, str]]:
    """The pages of all three worlds and of their incidents, made once; and two query counts."""
    data = tmp_path_factory.mktemp("data")
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # as Django's own tests do: durable blocks may begin within it
    with django_db_blocker.unblock(), override_settings(COUNTERSIGN_DATA=Path(data)), block:
        yield _pages()
        transaction.set_rollback(True)


def _pages() -> dict[str, str]:
    loans = worlds.everything(windows=6)
    worlds.classes()
    worlds.amounts()
    service = Incident.objects.get(cause="service")
    resolve_incident(service, "expected", actor="user:1", reason=REASON)
    client = cast.enter("ada")
    pages = {name: page_of(client, "version", name, "1") for name in ("loans", "animals", "claims")}
    for incident in Incident.objects.select_related("version__model"):
        answer = client.get(reverse("incident", args=[incident.pk]))
        name = f"{incident.version.model.name} {incident.cause}"
        pages[name] = words_of(answer.content.decode())
    windows = list(Window.objects.filter(baseline__version=loans.version))
    shown = history.found_in(windows, 1.0)
    pages["loans found"] = "; ".join(w for found in shown.values() for w in history.in_words(found))
    queries = [queries_of(client, LOANS)]
    worlds.known(
        loans,
        worlds.sent(loans, 8, worlds.Draw(worlds.DECIDING).decided(4_000, False), replay=True),
        worlds.Draw(worlds.DECIDING).labelled(4_000, False),
    )
    queries.append(queries_of(client, LOANS))
    return pages | {"queries": " ".join(map(str, queries))}


def panel(page: str, name: str) -> str:
    """One section of a page; empty if it is not there."""
    return page.partition(f'<h2 id="{name}">')[2].partition("</section>")[0]


def test_every_question_has_its_answer_first(seen: dict[str, str]) -> None:
    for name in (
        "performance",
        "service",
        "answers",
        "cost",
        "fairness",
        "slices",
        "drift",
        "together",
        "leaning",
        "budget",
    ):
        told = panel(seen["loans"], name)
        assert told.index('class="lead"') < told.index('class="note"'), name
        assert f'href="#{name}"' in seen["loans"], name


def test_no_page_shows_what_is_no_number(seen: dict[str, str]) -> None:
    for name, page in seen.items():
        for broken in ("nan", "NaN", ">None<", "inf ", "-0.0 %"):
            assert f" {broken}" not in page.replace(">", " ").replace("<", " "), name


def test_all_panels_together_take_few_queries(seen: dict[str, str]) -> None:
    before, after = map(int, seen["queries"].split())
    assert before == after < MOST_QUERIES


def test_estimates_carry_their_assumption_and_what_they_were_worth(seen: dict[str, str]) -> None:
    told = panel(seen["loans"], "performance")
    assert "as long as a score means what it meant in the reference" in told
    assert (
        "Over 4 windows with at least half of the outcomes known, the estimates of accuracy" in told
    )
    found = re.search(r"off by ([\d.]+) points .* lay in the band (\d) of 4 times", told)
    assert found
    off, held = found.groups()
    assert float(off) < 3 <= int(held) + 1, "one of four windows changed, the others are close"
    assert "1 window is not counted: too few outcomes." in told, "40 % of its labels have come"
    assert "if the rows that are a yes, and those that are a no, still look as they did" in told


def test_what_was_known_when_is_told_window_by_window(seen: dict[str, str]) -> None:
    told = panel(seen["loans"], "performance")
    assert "with the labels of 40 % of its rows." in told, "the newest labels are not all there"
    known = told.partition("As known now, as known then: Accuracy")[2]
    assert known.count(", with 40 %") == 4, "four windows were looked at twice"
    assert '<td data-head="Labels that came">100 %</td>' in known


def test_several_classes_have_figures_over_all_and_each(seen: dict[str, str]) -> None:
    told = panel(seen["animals"], "performance")
    assert "Estimated from the class scores alone" in told
    assert "The mean of the classes’ F1" in told
    assert told.count(f"<code>{worlds.CAT[:8]}</code>") == 2, "as estimated, and as it turned out"
    assert "A row counts as yes" not in told


def test_a_regression_is_told_by_its_errors(seen: dict[str, str]) -> None:
    told = panel(seen["claims"], "performance")
    assert "How good are the predictions?" in told
    assert "The mean absolute error is estimated at" in told
    assert "Go by the realised figures" in told, "the last window's errors are far larger"
    assert "Nine in ten within" in told
    assert "at least 400" in told, "beyond the last edge only a bound is known"


def test_the_service_is_held_against_the_reference(seen: dict[str, str]) -> None:
    told = panel(seen["loans"], "service")
    assert "latency_ms and error are higher than in the reference" in told
    assert "3 of 3 expected windows came (100.0 %)" in told
    assert "at least 800 ms" in told
    assert "reference 2.0 %" in told


def test_answers_are_told_as_graded_and_as_they_turned_out(seen: dict[str, str]) -> None:
    told = panel(seen["loans"], "answers")
    assert "groundedness and usefulness are lower than in the reference" in told
    assert "What came with the labels" in told


def test_the_slice_that_is_worse_is_named(seen: dict[str, str]) -> None:
    told = panel(seen["loans"], "slices")
    assert "Worse than in the other rows, more than chance explains: region bbbbbbbb (by " in told
    assert told.index("region bbbbbbbb") < told.index("region aaaaaaaa")
    assert "Who gets a yes, slice by slice" in told
    assert "By region: of " in panel(seen["loans"], "why")
    assert "By region: the mean absolute error is " in panel(seen["claims"], "why")


def test_a_change_is_priced(seen: dict[str, str]) -> None:
    assert "By the outcomes known for" in panel(seen["loans"], "cost")
    claims = panel(seen["claims"], "cost")
    assert "a window costs EUR" in claims
    assert "more than one in the reference (EUR" in claims


def test_columns_that_moved_are_named_with_what_chance_would_do(seen: dict[str, str]) -> None:
    told = panel(seen["loans"], "drift")
    assert "have moved farther than chance explains: latency_ms (" in told
    assert "Would have shown" in told
    assert "Jensen–Shannon" in told


def test_columns_that_come_apart_are_named(seen: dict[str, str]) -> None:
    told = panel(seen["loans"], "together")
    assert "Columns go together otherwise than in the reference, most of all age with" in told
    assert "by itself (its spread)" in told
    assert "<h3>Columns together</h3>" in told
    assert "How strange single rows are" in told


def test_another_ranking_is_said_to_be_one(seen: dict[str, str]) -> None:
    told = panel(seen["loans"], "leaning")
    assert "in another order than in the reference" in told
    assert "Most of all it leans on region" in told


def test_the_ledger_says_what_was_raised_and_what_people_said(seen: dict[str, str]) -> None:
    told = panel(seen["loans"], "budget")
    assert "alarms were raised since" in told
    assert ", in 4 incidents." in told
    assert "less than 0.01 of one would be expected" in told
    assert "latency_ms drifted" in told
    assert "they move back on Friday." in told
    quiet = panel(seen["animals"], "budget")
    assert "No alarm was raised since" in quiet


def test_an_incident_says_what_it_costs_and_shows_what_it_is_about(seen: dict[str, str]) -> None:
    assert "Estimated from the scores, a window costs" in seen["loans service"]
    assert "By the outcomes known so far, a window costs EUR" in seen["claims performance"]
    assert "The service around the model answers at another speed" in seen["loans service"]
    assert "graded otherwise than in the reference" in seen["loans answers"]
    assert "<h3>Mean absolute error</h3>" in seen["claims performance"]
    assert "<h3>second moments</h3>" in seen["loans drift"] or "<h3>age</h3>" in seen["loans drift"]


def test_the_kind_of_model_is_told_and_what_it_would_watch_too(ada: Client, db: None) -> None:
    world = worlds.watched("loans", a_baseline(model="loans", template="fraud", windows=[]))
    world.send(a_window(world.plan))
    examine_all()
    page = page_of(ada, "version", "loans", "1")
    assert "<strong>Fraud detection.</strong>" in page
    assert "This template also watches" in page
    assert "latency_ms, error; the baseline has no such columns" in page
    told = panel(page, "performance")
    assert told.index("<h3>Recall</h3>") < told.index("<h3>Accuracy</h3>"), "its headline is first"
    assert "Recall is estimated at" in told
    quiet = panel(page, "drift")
    assert "of 1,000 rows, no column has moved farther than chance explains; a column" in quiet
    for absent in ("service", "answers", "fairness", "together", "leaning"):
        assert panel(page, absent) == "", absent


def test_a_window_with_few_rows_says_that_they_are_few(ada: Client, loans: World) -> None:
    loans.send(loans.window(0, rows=37, tally=few()))
    examine_all()
    told = panel(page_of(ada, "version", "loans", "1"), "drift")
    assert "In the newest window, of 37 rows, " in told
    assert "nan" not in told.lower()


def few() -> Tally:
    """37 rows that lie in one cell of every column, so that no cell is too small to tell."""
    told = {}
    for column in FIVE[:-1]:
        cells = [0] * column.size
        cells[4] = 37
        told[column.name] = Counts(cells=[*cells])
        if column.role == "score":
            sums, squares = ([power * n for n in cells] for power in (0.3, 0.09))
            told[column.name] = Counts(cells=[*cells], sum=[*sums], sum_squares=[*squares])
    return Tally(rows=37, columns=told)


@pytest.mark.parametrize("columns", [COLUMNS, worlds.DECIDING[:5] + worlds.DECIDING[10:11]])
def test_as_many_streams_are_told_as_share_the_budget(columns: list[Column]) -> None:
    facts = (
        {}
        if columns is COLUMNS
        else {
            "columns": columns,
            "total": worlds.Draw(columns).decided(8_000, False),
            "labels": None,
        }
    )
    baseline: Baseline = a_baseline(windows=[], **facts)
    if columns is not COLUMNS:
        total = replace(baseline.total, slices=[], maps={}, attributions=None)
        baseline = replace(baseline, total=total)
    assert streams_of(baseline) == learn(baseline, 0.01).streams


@pytest.mark.parametrize(
    ("value", "low", "high", "words", "interval"),
    [
        (800.0, 700.0, None, "at least 800", ""),
        (790.0, 700.0, None, "790", "700 or more"),
        (0.0, None, 5.0, "at most 0", ""),
        (50.0, 40.0, 60.0, "50", "40 to 60"),
        (None, None, None, "–", ""),
    ],
)
def test_a_bound_is_told_as_a_bound(
    value: float | None, low: float | None, high: float | None, words: str, interval: str
) -> None:
    column = worlds.DECIDING[5]
    told: Shown = shown(METER["p95"], Figure("x", value, low, high), number, column)
    assert (told.words, told.interval) == (words, interval)


@pytest.mark.parametrize(
    ("name", "value", "low", "high", "words"),
    [
        ("cost", 120.0, 100.0, 140.0, "costs EUR 120 more than one in the reference (EUR 100 to"),
        ("cost", -120.0, -140.0, -100.0, "costs EUR 120 less than one in the reference (EUR 100"),
        ("cost", 5.0, -10.0, 20.0, "costs what it did in the reference, as far as chance lets"),
        ("wrong_per_10000", 30.0, 20.0, 40.0, "of 10,000 decisions, 30 more are wrong than in"),
        ("wrong_per_10000", -30.0, -40.0, -20.0, "of 10,000 decisions, 30 fewer are wrong"),
        ("cost", None, None, None, ""),
    ],
)
def test_costs_in_words(
    name: str, value: float | None, low: float | None, high: float | None, words: str
) -> None:
    told = cost.sentence({name: Figure(name, value, low, high)}, "EUR")
    assert words in told.replace("\u202f", " ")
    assert bool(told) == bool(words)


def test_why_it_changed_in_words() -> None:
    parts = [Figure("", v, v - 0.002, v + 0.002) for v in (0.021, 0.016, 0.005)]
    told = slices._because("region", "wrong decisions", parts, points).replace("\u202f", " ")
    assert told == (
        "By region: of 2.1 points more wrong decisions, 1.6 points come from different rows, "
        "0.5 points from rows treated otherwise."
    )
    fewer = [Figure("", -v, -v - 0.002, -v + 0.002) for v in (0.021, 0.026, -0.005)]
    told = slices._because("region", "wrong decisions", fewer, points).replace("\u202f", " ")
    assert "of 2.1 points fewer wrong decisions, 2.6 points come" in told
    assert "−0.5 points from rows treated otherwise" in told


def test_intervals_that_share_no_value_do_not_meet() -> None:
    at = hours_ago(1)
    assert performance._meet(Point(at, 0.5, 0.4, 0.6), Point(at, 0.65, 0.6, 0.7))
    assert not performance._meet(Point(at, 0.5, 0.4, 0.55), Point(at, 0.65, 0.6, 0.7))
    assert not performance._meet(Point(at, 0.5, None, 0.55), Point(at, 0.5, 0.4, 0.7))


def test_whole_rows_and_outcomes_that_changed_are_found_in_their_windows(
    seen: dict[str, str],
) -> None:
    assert "whole rows changed (second moments)" in seen["loans found"]
    assert "usefulness drifted" in seen["loans found"]


def test_the_page_of_measured_harm_fits_answers_too(seen: dict[str, str]) -> None:
    assert "its answers turned out to be worth more or less" in seen["loans performance"]
    assert "False alarms allowed per version and year" in seen["loans performance"]


def test_a_good_estimate_is_not_blamed_for_labels_that_are_still_to_come() -> None:
    """A model whose accuracy is just as estimated, judged by half of each window's labels."""
    rng = np.random.default_rng(5)
    windows, rows, accuracy = 2_000, 4_000, 0.8
    half = 1.96 * np.sqrt(accuracy * (1 - accuracy) / rows)
    value = np.full(windows, accuracy)
    past = Estimate(value, value - half, value + half, value)
    known = np.array(rows / 2)
    truth = Estimate(
        *wilson(rng.binomial(rows // 2, accuracy, windows).astype(float), known), known
    )
    widened = with_room(past, truth, np.full(windows, 0.5))
    assert track_record(past, truth.value).covered.value < 0.88
    assert 0.93 < track_record(widened, truth.value).covered.value < 0.97
    whole = with_room(past, truth, np.ones(windows))
    assert np.allclose([whole.low, whole.high], [past.low, past.high])


@pytest.mark.parametrize(
    ("value", "p_value", "direction"),
    [(0.6, 0.01, "higher"), (0.4, 0.01, "lower"), (0.6, 0.3, ""), (0.6, None, ""), (0.5, 0.01, "")],
)
def test_a_meter_is_called_changed_where_chance_hardly_explains_it(
    value: float, p_value: float | None, direction: str
) -> None:
    """Whether its own interval holds the reference's figure says less: that has chance too."""
    judged = Figure("grade", value, value - 0.05, value + 0.05, p_value, limit=0.5)
    assert service.Metered("grade", "meter", "", [], judged).direction == direction


def test_a_reference_without_windows_is_said_to_be_what_lacks(ada: Client, db: None) -> None:
    draw = worlds.Draw([worlds.AGE, worlds.INCOME])

    def tally(rows: int) -> Tally:
        maps = {"second moments": draw.maps(0.6)}
        return Tally(rows=rows, columns=draw.columns_of(rows, worlds.USUAL), maps=maps)

    baseline = a_baseline(
        model="pairs",
        threshold=None,
        columns=draw.columns,
        maps=[worlds.MOMENTS],
        total=tally(8 * worlds.ROWS),
        labels=None,
        windows=[],
    )
    worlds.sent(worlds.watched("pairs", baseline), 1, tally(worlds.ROWS))
    told = panel(page_of(ada, "version", "pairs", "1"), "together")
    assert "this can’t be told, because the reference was sent without windows of time" in told
    assert "too few rows" not in told


GONE = {"income", "latency_ms", "usefulness"}


def test_a_baseline_may_be_revised_with_fewer_columns(ada: Client, db: None) -> None:
    world = worlds.everything(windows=4)
    worlds.revised(world, GONE)
    page = page_of(ada, "version", "loans", "1")
    assert "Nothing has been examined under revision 2 of the baseline yet." in page
    assert "held against revision 1." in page
    assert "latency_ms" in panel(page, "service"), "until then, as held against the one before"
    tally = worlds.without(worlds.Draw(worlds.DECIDING).decided(worlds.ROWS, False), GONE)
    worlds.sent(world, 1, tally)
    page = page_of(ada, "version", "loans", "1")
    assert "Nothing has been examined under revision" not in page
    told = "".join(panel(page, name) for name in ("service", "answers", "drift", "integrity"))
    assert not any(f">{name}</h3>" in told or f">{name}</th>" in told for name in GONE)
    assert "The newest outcomes, of " in panel(page, "performance"), "of windows before"
    assert "a window costs EUR" in panel(page, "cost"), "as the baseline priced it at that time"
    for incident in Incident.objects.all():
        assert ada.get(reverse("incident", args=[incident.pk])).status_code == 200


@pytest.mark.parametrize("module", [about, history, terms, together])
def test_the_examples_hold(module) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
