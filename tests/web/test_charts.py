"""Charts: drawn once, in the page's own colours, and readable without seeing them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appliance.web import charts, words
from appliance.web.charts import Backdrop, Chart, Mark, Point

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(days=7)
HOSTILE = "<script>'\"&"


def a_backdrop(**changes) -> Backdrop:
    ends = {BEGIN + i * WEEK: BEGIN + (i + 1) * WEEK for i in range(8)}
    return Backdrop(BEGIN, BEGIN + 8 * WEEK, ends, **changes)


def a_chart(**changes) -> Chart:
    points = [Point(BEGIN + i * WEEK, 0.8, 0.78, 0.82) for i in range(8)]
    facts: dict[str, Any] = {
        "title": "Accuracy",
        "meaning": "Share that was right.",
        "unit": words.share,
        "backdrop": a_backdrop(),
        "line": points,
        "dots": points[:3],
        "limit": points,
        "expected": points,
        "reference": 0.81,
    }
    return Chart(**facts | changes)


def test_a_drawing_carries_no_style_and_only_the_pages_colours() -> None:
    mark = Mark("A", BEGIN + WEEK, "Deployment", "v2")
    backdrop = a_backdrop(marks=[mark], incidents=[(BEGIN, BEGIN + WEEK)])
    [drawing] = a_chart(backdrop=backdrop).drawings
    assert "style=" not in drawing
    assert "<style" not in drawing
    assert "#" not in drawing, "every colour is a variable of the page's"
    assert 'stroke="var(--accent)"' in drawing
    assert ">A</text>" in drawing


def test_text_from_outside_is_escaped_and_never_reaches_the_drawing() -> None:
    mark = Mark("A", BEGIN, HOSTILE, HOSTILE)
    chart = a_chart(title=HOSTILE, backdrop=a_backdrop(marks=[mark]))
    [drawing] = chart.drawings
    assert "<script" not in drawing
    assert drawing.count("&lt;script&gt;") == 1


def test_a_reader_who_cannot_see_it_gets_title_description_and_numbers() -> None:
    chart = a_chart()
    [drawing] = chart.drawings
    assert ">Accuracy</title>" in drawing
    assert "8 values from 5 Jan 2026 to 23 Feb 2026" in drawing
    assert chart.heads == ["Value", "Realised", "Limit", "Expected"]
    newest, cells = chart.rows[0]
    assert newest == BEGIN + 7 * WEEK
    assert len(cells) == 4
    assert cells[1] == words.NONE


def test_the_same_figures_are_drawn_once() -> None:
    charts._draw.cache_clear()
    first, second = a_chart().drawings, a_chart().drawings
    assert first == second
    assert charts._draw.cache_info().misses == 1


def test_a_wide_chart_has_a_second_drawing_for_narrow_screens() -> None:
    wide, narrow = a_chart(wide=True).drawings
    assert "plot-wide" in wide
    assert "plot-narrow" in narrow


@pytest.mark.parametrize("value", [None, 0.0, 1.0, 1e-9, 1e12])
def test_any_figure_can_be_drawn(value: float | None) -> None:
    [drawing] = a_chart(line=[Point(BEGIN, value)], dots=[], limit=[], expected=[]).drawings
    assert "NaN" not in drawing
    assert "undefined" not in drawing


def test_a_single_window_can_be_drawn() -> None:
    backdrop = Backdrop(BEGIN, BEGIN + WEEK, {BEGIN: BEGIN + WEEK})
    assert a_chart(line=[Point(BEGIN, 0.5)], backdrop=backdrop).drawings
