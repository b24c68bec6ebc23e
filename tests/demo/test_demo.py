"""The demo against a running appliance: made-up people, and only the last year of them."""

import contextlib
import io
import re
import urllib.parse
import urllib.request
from dataclasses import replace
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from appliance.demo.__main__ import main, play
from appliance.demo.customer import PublicLog, Stopped
from appliance.demo.data import Survey, generate_survey
from appliance.demo.telling import Teller
from tests.platform.running import Appliance

WEEKS = 52


@pytest.fixture(scope="module")
def survey() -> Survey:
    made_up = generate_survey("this is a test")
    return replace(made_up, later=made_up.later[-WEEKS:])


@pytest.fixture(scope="module")
def lines(running_appliance: Appliance, survey: Survey) -> list[str]:
    """What the demo says, first line to last."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        play(survey, running_appliance.url, running_appliance.data, Teller())
    return said.getvalue().splitlines()


def about_the_demo(appliance: Appliance) -> list[dict[str, Any]]:
    entries = PublicLog(appliance.url).new_entries()
    return [e for e in entries if e.get("version") == "generated-people/2015-scores"]


def kept(appliance: Appliance) -> list[dict[str, Any]]:
    """All that the log has, but for the one-time token and the link that each start hands out."""
    entries = PublicLog(appliance.url).new_entries()
    return [entry for entry in entries if not entry["kind"].startswith("one_time_token.")]


def test_every_line_says_that_the_people_are_made_up(lines: list[str]) -> None:
    assert len(lines) > 20
    assert all("[GENERATED DATA]" in line for line in lines)


def test_it_says_what_it_found_and_where_to_look(
    running_appliance: Appliance, lines: list[str]
) -> None:
    said = "\n".join(lines)
    assert "age has shifted" in said
    assert f"{running_appliance.url}/models/generated-people/2015-scores/" in said
    assert f"{running_appliance.url}/audit/" in said


def test_its_people_can_log_in_with_what_it_says(
    running_appliance: Appliance, lines: list[str]
) -> None:
    said = "\n".join(lines)
    password = re.search(r"all with the password (\S+),", said)
    assert password
    assert "ben   owner and operator" in said
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    form = opener.open(f"{running_appliance.url}/log-in/").read().decode()
    secret = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
    assert secret
    fields = {"csrfmiddlewaretoken": secret[1], "login": "ben", "password": password[1]}
    opener.open(f"{running_appliance.url}/log-in/", urllib.parse.urlencode(fields).encode())
    page = opener.open(f"{running_appliance.url}/models/").read().decode()
    assert "generated-people" in page


def test_every_week_and_its_labels_are_in_the_public_log(
    running_appliance: Appliance, lines: list[str]
) -> None:
    kinds = [entry["kind"] for entry in about_the_demo(running_appliance)]
    accepted = {kind: kinds.count(kind) for kind in set(kinds) if kind.endswith(".accepted")}
    assert accepted == {
        "baseline.accepted": 1,
        "window.accepted": WEEKS,
        "outcomes.accepted": WEEKS,
        "event.accepted": 1,
    }


def test_its_people_leave_something_to_decide(
    running_appliance: Appliance, lines: list[str]
) -> None:
    entries = PublicLog(running_appliance.url).new_entries()
    people = {e["kind"] for e in entries if str(e.get("actor", "")).startswith("user:")}
    assert people == {
        *("model.changed", "model.placed", "deployment.started", "objective.changed"),
        *("finding.raised", "signoff.requested"),
    }


def test_played_again_it_sends_nothing_that_is_new(
    running_appliance: Appliance, survey: Survey, lines: list[str]
) -> None:
    before = kept(running_appliance)
    play(survey, running_appliance.url, running_appliance.data, Teller())
    assert kept(running_appliance) == before


def test_a_finished_demo_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "finished").write_text("real people\n")

    assert main(["--url", "http://127.0.0.1:9", "--data", str(tmp_path)]) == 0
    assert "there already: real people." in capsys.readouterr().out


def test_without_an_appliance_it_stops_and_says_so(
    tmp_path: Path, survey: Survey, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Stopped, match="database can't be reached"):
        play(survey, "http://127.0.0.1:9", tmp_path, Teller())
    assert "GENERATED DATA" in capsys.readouterr().out
