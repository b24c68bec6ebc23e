"""What a version's page says of groups, in every state: who is compared, and who is not told."""

from collections.abc import Iterable, Sequence

import pytest
from django.test import Client
from msgspec.structs import replace

from countersign.tables import Cells, Column, Counts, Labels, LabelTable, Tally
from governance.models import Model, Version
from tests.builders import (
    COLUMNS,
    HOUR,
    NORTH,
    SOUTH,
    a_baseline,
    a_tally,
    a_window,
    hours_ago,
    outcomes_of,
)
from tests.detectors.world import World
from tests.web.conftest import COLLECTOR, MOST_QUERIES, examine_all, queries_of
from tests.web.test_pages import page_of

MANY = [digit * 32 for digit in "abcdef01234567"]
# The score's cells: missing, invalid, below, four bins, above; a yes starts at cell 5.
HALF: Cells = [0, 0, 0, 100, 100, 100, 100, 0]
MANY_HALVES: Cells = [0, 0, 0, 2_500, 2_500, 2_500, 2_500, 0]
NEARLY: Cells = [0, 0, 0, 100, 110, 90, 100, 0]  # 190 of 400 get a yes
FEWER: Cells = [0, 0, 0, 150, 150, 50, 50, 0]  # 100 of 400
NO_YES: Cells = [0, 0, 0, 200, 200, 0, 0, 0]
NOBODY: Cells = [0, 0, 0, 0, 0, 0, 0, 0]
HIDDEN: Cells = [0, 0, 0, 100, 200, None, 100, 0]  # merged across the decision
MIDDLES = [0.0, 0.0, 0.0, 0.125, 0.375, 0.625, 0.875, 1.0]
Tables = dict[str, Cells]


@pytest.fixture
def loans(db: None) -> World:
    """Ada's model, compared by origin: in the reference, north and south fared the same."""
    return compared([NORTH, SOUTH])


def compared(tokens: list[str]) -> World:
    """The model `loans` with a baseline whose groups have these tokens."""
    model = Model.objects.create(name="loans", owner="Ada")
    world = World(Version.objects.create(model=model, name="1", digest="d" * 64), COLLECTOR)
    columns = [replace(c, tokens=tokens) if c.role == "group" else c for c in COLUMNS]
    total = counted(columns, dict.fromkeys(tokens, MANY_HALVES))
    world.reference = a_baseline(windows=[], columns=columns, total=total)
    world.send(world.reference)
    world.plan = world.version.baselines.get().plan_digest
    return world


def counted(columns: Sequence[Column], groups: Tables) -> Tally:
    """Rows of every group, with the score so; a token left out is withheld, and has HALF."""
    [tokens] = [column.tokens for column in columns if column.role == "group"]
    every = [groups.get(token, HALF) for token in tokens]
    sizes = [sum(n or 0 for n in cells) for cells in every]
    whole = a_tally(sum(sizes), columns)
    told = {"origin": Counts(cells=[0, 0, 0, *sizes]), "risk": scored(together(every))}
    tables = {token: scored(cells) for token, cells in groups.items()}
    return replace(whole, columns=whole.columns | told, groups={"origin": tables})


def together(tables: Iterable[Cells]) -> Cells:
    """The rows of all groups, where none is merged: HIDDEN is HALF's rows."""
    known = [HALF if None in cells else cells for cells in tables]
    return [sum(n or 0 for n in cell) for cell in zip(*known, strict=True)]


def scored(cells: Cells) -> Counts:
    """Scores in the middles of their bins."""
    sums, squares = (
        [None if n is None else n * middle**power for n, middle in zip(cells, MIDDLES, strict=True)]
        for power in (1, 2)
    )
    return Counts(cells=cells, sum=sums, sum_squares=squares)


def decided(world: World, groups: Tables, ago: int = 1, known: Labels | None = None) -> None:
    """The window of so many hours ago is examined and, with its labels, examined again."""
    start = hours_ago(ago)
    window = a_window(
        world.plan, start=start, end=start + HOUR, tally=counted(world.reference.columns, groups)
    )
    world.send(window)
    if known:
        world.send(outcomes_of(window, labels=known))
    examine_all()


def turned_out(**groups: LabelTable | None) -> Labels:
    """Labels by group; None where they are withheld."""
    tokens = {"north": NORTH, "south": SOUTH}
    tables = {tokens[name]: table for name, table in groups.items()}
    every = [table or LabelTable(positives=HALF, negatives=HALF) for table in tables.values()]
    overall = LabelTable(
        positives=together(t.positives for t in every),
        negatives=together(t.negatives for t in every),
    )
    return Labels(overall=overall, groups={"origin": tables})


def panel_of(client: Client) -> str:
    """What the version's page says of groups; empty if it says nothing."""
    page = page_of(client, "version", "loans", "1")
    return page.partition('<h2 id="fairness">')[2].partition("</section>")[0]


def test_a_difference_within_chance_is_said_to_be_that(ada: Client, loans: World) -> None:
    decided(loans, {NORTH: HALF, SOUTH: NEARLY})
    panel = panel_of(ada)
    assert "How often groups get a yes differs no more than chance could explain (" in panel
    assert "0.95" in panel, "the ratio of 47.5 % and 50 %"
    assert "2.5 points" in panel
    assert "reference 0.0 points" in panel
    assert "Not told" not in panel


def test_a_difference_beyond_chance_names_its_column(ada: Client, loans: World) -> None:
    decided(loans, {NORTH: HALF, SOUTH: FEWER})
    panel = panel_of(ada)
    assert "How often groups get a yes differs by origin, more than chance explains (" in panel
    assert panel.index("differs by origin") < panel.index("<table"), "the answer comes first"
    assert "0.50" in panel
    assert "25.0 %" in panel


def test_before_outcomes_come_nothing_is_said_of_errors(ada: Client, loans: World) -> None:
    decided(loans, {NORTH: HALF, SOUTH: FEWER})
    panel = panel_of(ada)
    assert "How often decisions about them are wrong is not known yet" in panel
    assert "About whom" not in panel
    assert "Gap in errors" not in panel


def test_outcomes_tell_about_whom_the_decisions_are_right(ada: Client, loans: World) -> None:
    right = LabelTable(positives=[*HALF[:5], 200, 100, 0], negatives=FEWER)
    wrong = LabelTable(positives=FEWER, negatives=HALF)
    decided(loans, {NORTH: HALF, SOUTH: HALF}, known=turned_out(north=right, south=wrong))
    panel = panel_of(ada)
    assert "How often groups get a yes differs no more than chance could explain" in panel
    assert "How often decisions about them are wrong differs by origin, more than chance" in panel
    assert "35.0 points" in panel, (
        "300 of 500 who were a yes were found in the north, 100 of 400 s."
    )
    assert "75.0 %" in panel


def test_the_newest_outcomes_may_be_older_than_the_newest_decisions(
    ada: Client, loans: World
) -> None:
    both = LabelTable(positives=HALF, negatives=HALF)
    decided(loans, {NORTH: HALF, SOUTH: HALF}, 3, turned_out(north=both, south=both))
    decided(loans, {NORTH: HALF, SOUTH: FEWER}, 1)
    panel = panel_of(ada)
    newest, older = (f"{hours_ago(ago):%H:%M} to {hours_ago(ago - 1):%H:%M}" for ago in (1, 3))
    assert panel.index(f"{newest})") < panel.index(f"{older})")
    assert "are wrong differs no more than chance could explain" in panel


def test_a_withheld_group_is_named_and_not_compared(ada: Client, loans: World) -> None:
    both = LabelTable(positives=HALF, negatives=HALF)
    decided(loans, {NORTH: HALF}, known=turned_out(north=both, south=None))
    panel = panel_of(ada)
    assert "How often groups get a yes can’t be compared: no two groups have figures" in panel
    assert "How often decisions about them are wrong can’t be compared" in panel
    assert panel.count("Not told by origin: bbbbbbbb (withheld, because so few rows") == 2
    assert "50.0 %" in panel, "the north is told all the same"


def test_a_group_that_vanished_is_named_as_empty(ada: Client, loans: World) -> None:
    decided(loans, {NORTH: HALF, SOUTH: HALF}, 2)
    decided(loans, {NORTH: HALF, SOUTH: NOBODY}, 1)
    panel = panel_of(ada)
    assert "can’t be compared" in panel
    assert "Not told by origin: bbbbbbbb (nobody came)." in panel
    assert "<h3>By origin</h3>" in panel, "the chart still shows how it was"


def test_a_merged_table_is_not_guessed_at(ada: Client, loans: World) -> None:
    decided(loans, {NORTH: HALF, SOUTH: HIDDEN})
    assert "bbbbbbbb (too few rows, or small counts were merged across the" in panel_of(ada)


def test_only_the_figures_that_lack_are_named(ada: Client, loans: World) -> None:
    nobody_was_a_no = LabelTable(positives=HALF, negatives=NOBODY)
    both = LabelTable(positives=HALF, negatives=HALF)
    known = turned_out(north=both, south=nobody_was_a_no)
    decided(loans, {NORTH: HALF, SOUTH: HALF}, known=known)
    assert "Not told by origin: bbbbbbbb (wrong yes: too few rows" in panel_of(ada)


def test_where_nobody_gets_a_yes_there_is_no_ratio(ada: Client, loans: World) -> None:
    decided(loans, {NORTH: NO_YES, SOUTH: NO_YES})
    panel = panel_of(ada)
    assert "differs no more than chance could explain" in panel
    assert "Not told" not in panel
    assert "<h3>By origin</h3>" not in panel, "a chart without a figure is not drawn"


def test_where_no_group_is_told_the_panel_says_why(ada: Client, loans: World) -> None:
    decided(loans, {})
    panel = panel_of(ada)
    assert "can’t be compared" in panel
    assert "Not told by origin: aaaaaaaa and bbbbbbbb (withheld" in panel


def test_many_groups_stand_by_size_and_the_silent_ones_in_one_sentence(ada: Client, db) -> None:
    world = compared(MANY)
    larger: Cells = [0, 0, 0, 200, 200, 200, 200, 0]
    decided(world, {MANY[0]: HALF, MANY[1]: larger}, 2)
    panel = panel_of(ada)
    assert panel.index("<code>bbbbbbbb") < panel.index("<code>aaaaaaaa")
    assert panel.count("<code>") == 2
    assert "Not told by origin: cccccccc, dddddddd, " in panel
    decided(world, dict.fromkeys(MANY, HALF), 1)
    assert panel_of(ada).count("<code>") == len(MANY)


def test_chance_makes_room_for_many_groups(ada: Client, db) -> None:
    """A gap that is beyond chance between two groups is not so for the widest of 91 pairs."""
    gap: Cells = [0, 0, 0, 120, 115, 85, 80, 0]
    world = compared(MANY)
    decided(world, {MANY[0]: HALF, MANY[1]: gap}, 2)
    assert "differs by origin, more than chance explains" in panel_of(ada)
    decided(world, dict.fromkeys(MANY, HALF) | {MANY[1]: gap}, 1)
    assert "differs no more than chance could explain" in panel_of(ada)


def test_a_window_without_rows_leaves_the_newest_figures_in_place(
    ada: Client, loans: World
) -> None:
    decided(loans, {NORTH: HALF, SOUTH: FEWER}, 2)
    start = hours_ago(1)
    loans.send(a_window(loans.plan, start=start, tally=Tally(rows=None, columns={})))
    examine_all()
    assert "differs by origin, more than chance explains" in panel_of(ada)


def test_without_groups_the_page_asks_nothing(ada: Client, db) -> None:
    model = Model.objects.create(name="loans", owner="Ada")
    world = World(Version.objects.create(model=model, name="1", digest="d" * 64), COLLECTOR)
    columns = [c for c in COLUMNS if c.role != "group"]
    world.send(a_baseline(windows=[], columns=columns, total=a_tally(20_000, columns)))
    plan = world.version.baselines.get().plan_digest
    world.send(a_window(plan, tally=a_tally(1_000, columns)))
    examine_all()
    page = page_of(ada, "version", "loans", "1")
    assert "Do the data still look like the reference?" in page
    assert "Are groups treated alike?" not in page


def test_queries_do_not_grow_with_groups_or_windows(ada: Client, db) -> None:
    world = compared(MANY)
    decided(world, {MANY[0]: HALF}, 4)
    address = "/models/loans/1/"
    queries_of(ada, address)
    before = queries_of(ada, address)
    for ago in (3, 2, 1):
        decided(world, dict.fromkeys(MANY, HALF), ago)
    assert queries_of(ada, address) == before < MOST_QUERIES
