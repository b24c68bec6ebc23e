"""The attacks of bench/attacks on what our collector sends: nothing raw comes out of it.

Each attack is also shown to work on the plain design, so that it would be seen if it failed here.
"""

import json

import numpy as np
import pandas as pd
import pytest

from bench.attacks import attacks, crossed, designs
from bench.attacks.data import CANARIES, CITIES, canary_forms, forms, found_in, people
from countersign.hashing import token_of
from countersign.statement import Outcomes, Window, decode

ROWS = people(5_000)
BASELINE = designs.ours(ROWS)
PLAIN = designs.plain(ROWS)
COUNTS = ROWS["city"].value_counts()
HONEST = [city for city in COUNTS.index if city not in CANARIES]


@pytest.fixture(scope="module")
def window() -> bytes:
    return designs.our_window(BASELINE, people(4_000, seed=3))


def test_the_search_finds_every_form_that_it_looks_for():
    for canary, ways in canary_forms().items():
        for way in ways:
            assert canary in found_in(b"..." + way + b"...")
    assert found_in(PLAIN) == CANARIES
    assert len(list(forms("ada"))) > 8


def test_no_canary_is_sent_in_any_form(window: bytes):
    assert found_in(BASELINE) == found_in(window) == []


def test_no_number_of_a_row_is_sent_however_few_rows_there_are():
    for count in (20, 100, 5_000):
        rows = people(count, seed=count)
        assert attacks.extracted(designs.ours(rows), rows["income"]) == 0
    text = json.dumps({"smallest": ROWS["income"].min()}).encode()
    assert attacks.extracted(text, ROWS["income"]) == 1
    assert attacks.extracted(ROWS["income"].to_numpy().tobytes(), ROWS["income"][:100]) == 100


def test_a_dictionary_without_the_key_names_nothing(window: bytes):
    columns = list(ROWS.columns)
    for content in (BASELINE, window):
        tokens = attacks.tokens_in(content)
        assert not attacks.dictionary_attack(tokens, HONEST[:60], "loans", columns)
    assert len(attacks.tokens_in(BASELINE)) > 60
    plain = attacks.dictionary_attack(attacks.tokens_in(PLAIN), HONEST[:60], "loans", columns)
    assert plain == set(HONEST[:60])
    # Whoever has the key names all that have a token: so the key must stay where it is.
    known = {token_of(designs.KEY, "loans", "city", city) for city in HONEST}
    assert len(known & attacks.tokens_in(BASELINE)) > 50


def test_how_common_a_token_is_may_name_it_but_only_if_many_people_share_it():
    told = designs.our_counts(BASELINE, "city")
    assert min(told.values()) >= 11
    true = {token_of(designs.KEY, "loans", "city", city): city for city in COUNTS.index}
    known = {city: 1 / (1 + i) ** 1.1 for i, city in enumerate(CITIES)}
    guesses = attacks.frequency_attack(told, known)
    right = [true[token] for token, guess in guesses.items() if true[token] == guess]
    assert 0 < len(right) < len(COUNTS) / 4  # the commonest: this is not protected
    assert all(COUNTS[city] >= 11 for city in right)
    rare = {city for city in HONEST if COUNTS[city] < 11}
    assert len(rare) > 100 and not rare & {true[token] for token in told}


def test_a_rare_category_is_not_told_apart_from_the_others_later_either(window: bytes):
    """Whoever lives in a village that the reference hardly knows stays among the others."""
    rows = people(4_000, seed=3)
    moved = rows.assign(city=rows["city"].where(rows.index != 17, "Zsville"))
    first, second = window, designs.our_window(BASELINE, moved)
    assert attacks.tokens_in(second) == attacks.tokens_in(first)


def test_windows_tell_bins_of_a_later_person_but_no_value():
    """Two revisions of a window's counts are not protected from each other: the model says so."""
    more = pd.concat([ROWS, people(20, seed=99).tail(1)], ignore_index=True)
    first = designs.our_window(BASELINE, ROWS)
    second = designs.our_window(BASELINE, more, revision=2)
    assert attacks.differing_columns(first, second)
    assert attacks.extracted(second, [float(more["income"].iloc[-1])]) == 0


def test_no_crossed_cell_of_a_few_people_can_be_worked_out():
    for seed in range(8):
        rows = people(1_500 + 700 * seed, seed=seed)
        true = pd.crosstab(*(rows[name] for name in designs.CROSSED)).to_numpy()
        small = ((true > 0) & (true < 11)).ravel()
        units = np.eye(true.size, dtype=np.int64)[small]
        assert small.any()
        assert not attacks.determined(crossed.our_facts(designs.ours(rows), rows), units).any()


def test_leaving_cells_out_without_merging_gives_some_of_them_back():
    """Why cells are merged: with its margins a table with holes tells what is in some of them."""
    random, found, hidden = np.random.default_rng(0), 0, 0
    for _ in range(200):
        table = random.poisson(random.lognormal(2.6, 1, (5, 5)))
        shown = [[int(n) if n == 0 or n >= 11 else None for n in line] for line in table]
        small = ((table > 0) & (table < 11)).ravel()
        units = np.eye(25, dtype=np.int64)[small]
        found += int(attacks.determined(attacks.crossed_facts(shown, margins=True), units).sum())
        hidden += int(small.sum())
    assert found / hidden > 0.1


def test_labels_of_a_window_hold_no_canary_either(window: bytes):
    assert decode(window, Window)[1].tally.rows == 4_000
    with pytest.raises(ValueError, match="wrong_kind"):
        decode(window, Outcomes)
