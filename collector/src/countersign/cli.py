"""The command line: enrol, send a baseline, windows and outcomes from files, ask how it stands.

`convert` sends a baseline or a window made of another tool's profile.

Exit codes: 0 done; 1 refused, with the rule's name; 2 wrong usage; 3 the appliance didn't answer
(what was counted waits on disk, and the next command sends it first).
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from . import outside
from .artefact import digests_of
from .baseline import make_baseline
from .batch import Counted
from .cli_approvals import add_commands
from .collector import MONDAY
from .counting import Counter
from .drawn import DRAWN
from .home import Home
from .labels import labels_of, write_labels
from .mlflow import import_registry
from .recipe import Recipe
from .recipe_file import duration, read_recipe
from .rest import Unreachable
from .revisions import SMALL_STEP
from .statement import Refused
from .statements import OpenPlan, Period, outcomes_statement, window_statement
from .subjects import Subjects

OK, REFUSED, USAGE, UNREACHABLE = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    asked = _parser().parse_args(arguments)
    try:
        code: int = asked.command(asked)
    except Refused as refusal:
        where = "" if refusal.path == "$" else f" [{refusal.path}]"
        print(f"refused: {refusal}{where}", file=sys.stderr)
        return REFUSED
    except Unreachable as error:
        print(f"not sent: {error}", file=sys.stderr)
        return UNREACHABLE
    return code


def enroll(asked: argparse.Namespace) -> int:
    """Introduce this host's new key to the appliance."""
    home = Home.enroll(asked.url, asked.token, name=asked.name, directory=asked.home)
    print(f"enrolled as {home.appliance.name} in {home.directory}")
    print(f"key {home.appliance.keyid}")
    return OK


def baseline(asked: argparse.Namespace) -> int:
    """Describe a version by its reference rows, and send that."""
    home = Home(asked.home)
    recipe = _recipe(asked, home)
    payload = make_baseline(lambda: _batches(asked.file, recipe.texts.__contains__), recipe)
    home.register(recipe.model, recipe.version, recipe.digest)
    return _send(home, [lambda: payload])


def window(asked: argparse.Namespace) -> int:
    """Count a file's rows as one window, or as many by a time column, and send them."""
    home, plan = _home_and_plan(asked)
    counter = plan.counter(home.hashing_key)
    shard, shards = asked.shard
    make = partial(window_statement, plan, replay=asked.replay, shard=shard, shards=shards)
    subjects = plan.subjects(home.hashing_key, asked.subject)
    windows = _windows(asked, plan, counter, subjects)
    return _send(home, (partial(make, counted, period) for period, counted in windows))


def outcomes(asked: argparse.Namespace) -> int:
    """Count the labels known so far, by window, and send them."""
    home, plan = _home_and_plan(asked)
    counter = plan.outcome_counter(home.hashing_key)
    make = partial(outcomes_statement, plan, memory=home.sender.memory)
    subjects = plan.subjects(home.hashing_key, asked.subject)
    windows = _windows(asked, plan, counter, subjects)
    return _send(home, (partial(make, counted, period) for period, counted in windows))


def convert(asked: argparse.Namespace) -> int:
    """Send what a profile of whylogs, TFDV, SageMaker or Evidently can tell without raw values."""
    # Only this command reads other tools' files.
    from .convert.reading import read  # noqa: PLC0415
    from .convert.statements import baseline_of, window_of  # noqa: PLC0415

    if not asked.file.is_file():
        raise Refused("file.missing", "There is no such file.")
    profile = read(asked.file.read_bytes())
    if asked.start is None or asked.end is None:
        if asked.digest is None and asked.model_file is None:
            raise Refused(
                "convert.what",
                "Give --start and --end for a window, or --digest or --model-file for a baseline.",
            )
        home = Home(asked.home)
        recipe = _recipe(asked, home)
        converted = baseline_of(profile, recipe)
        home.register(recipe.model, recipe.version, recipe.digest)
    else:
        home, plan = _home_and_plan(asked)
        period = Period(
            deployment=asked.deployment, start=asked.start, end=asked.end, revision=asked.revision
        )
        converted = window_of(profile, plan, home.hashing_key, period, replay=asked.replay)
    for what in converted.dropped:
        print(f"not sent: {what}")
    return _send(home, [lambda: converted.payload])


def import_mlflow(asked: argparse.Namespace) -> int:
    """Register the models and versions of an MLflow registry. Digests are made here."""
    done = import_registry(Home(asked.home), asked.uri, asked.artefacts)
    for version in done.told:
        print(f"registered {version}")
    for version in done.left:
        print(f"not registered {version}", file=sys.stderr)
    return REFUSED if done.left else OK


def digest(asked: argparse.Namespace) -> int:
    """Print the digests by which the registry knows a model's file or directory."""
    found = digests_of(asked.path)
    print(f"digest   {found.digest}")
    if found.manifest:
        print(f"manifest {found.manifest}")
    return OK


def labels(asked: argparse.Namespace) -> int:
    """Write what aliases and tokens stand for, into a file for your own browser. Sends nothing."""
    home, plan = _home_and_plan(asked)
    batches = _planned_batches(asked.file, plan, plan.counter(home.hashing_key))
    found = labels_of(plan, home.hashing_key, batches)
    write_labels(asked.out, found)
    print(f"{len(found)} labels in {asked.out}; open it on a page of the model, and keep it here")
    return OK


def gateway(asked: argparse.Namespace) -> int:
    """Sum the counts of many replicas, and of KServe's and Seldon's events, and tell them once."""
    # Only this command serves anything.
    from .gateway.process import run  # noqa: PLC0415
    from .gateway.service import read_settings  # noqa: PLC0415

    run(Home(asked.home), read_settings(asked.file), partial(print, flush=True))
    return OK


def status(asked: argparse.Namespace) -> int:
    """Say what waits, what was refused, and whether the appliance knows this collector."""
    home = Home(asked.home)
    print(f"{home.appliance.name} at {home.appliance.url}, key {home.appliance.keyid}")
    print(f"{len(home.sender.waiting())} statements wait to be sent")
    for problem in home.sender.refused():
        print(f"refused: {problem.get('type')}: {problem.get('detail')}")
    known = home.status()
    print(f"the appliance answers; it knows this collector as {known.get('name')}")
    return OK


def _recipe(asked: argparse.Namespace, home: Home) -> Recipe:
    """The recipe's file, and what the command line says besides."""
    options = read_recipe(asked.recipe)
    options["roles"] = options.get("roles", {}) | dict(asked.role)
    said = ("threshold", "time", "window", "min_count", "subject")
    given = {name: getattr(asked, name) for name in said}
    options |= {name: value for name, value in given.items() if value is not None}
    return Recipe(
        model=asked.model,
        version=asked.version,
        digest=asked.digest or digests_of(asked.model_file).digest,
        key=home.hashing_key,
        revision=asked.revision,
        **options,
    )


def _windows(
    asked: argparse.Namespace, plan: OpenPlan, counter: Counter, subjects: Subjects | None
) -> Iterator[tuple[Period, Counted]]:
    """The file's counts, window by window."""
    batches = _planned_batches(asked.file, plan, counter)
    about = partial(Period, deployment=asked.deployment, revision=asked.revision)
    if asked.time is None:
        if asked.start is None or asked.end is None:
            raise Refused("window.period", "Give --start and --end, or --time with a column.")
        period = about(start=asked.start, end=asked.end)
        counted = counter.nothing()
        for batch in batches:
            counted += counter.count(batch, subjects)
        yield period, counted
        return
    step = plan.plan.window_seconds
    origin = int((asked.start or MONDAY).timestamp())
    counts = counter.count_by_time(batches, asked.time, origin, step, subjects)
    for first, counted in counts.items():
        start = datetime.fromtimestamp(first, UTC)
        end = start + timedelta(seconds=step)
        if (asked.start or start) <= start and end <= (asked.end or end):
            yield about(start=start, end=end), counted


def _planned_batches(file: Path, plan: OpenPlan, counter: Counter) -> Iterator[Any]:
    """The file's rows, read as the plan's columns need them."""
    texts = {n for c in plan.plan.columns if c.kind == "categorical" for n in c.of or [c.name]}
    return _batches(file, lambda name: counter.aliases[name] in texts)


def _batches(file: Path, is_text: Callable[[str], bool]) -> Iterator[Any]:
    try:
        # Enrolling and asking for the status need no pyarrow.
        from .files import read_batches  # noqa: PLC0415
    except ImportError:
        raise Refused("file.needs_pyarrow", "Run `pip install 'countersign[tables]'`.") from None
    return read_batches(file, is_text)


def _send(home: Home, statements: Iterable[Callable[[], bytes]]) -> int:
    """Make statements, put them into the spool, send all that waits, and say what came of it."""
    for make in statements:
        try:
            home.sender.put(make())
        except Refused as refusal:
            if refusal.rule not in (SMALL_STEP, DRAWN):
                raise
            print(f"held back: {refusal}")
    flushed = home.sender.flush()
    for receipt in flushed.accepted:
        print(f"accepted {receipt.get('digest')} as log entry {receipt.get('entry')}")
    for problem in flushed.refused:
        where = f" [{problem['path']}]" if "path" in problem else ""
        print(f"refused: {problem.get('type')}: {problem.get('detail')}{where}", file=sys.stderr)
    if flushed.held:
        print(f"{flushed.held} statements wait for the end of their window")
    if flushed.waiting:
        print(f"{flushed.waiting} statements wait: the appliance didn't answer", file=sys.stderr)
        return UNREACHABLE
    return REFUSED if flushed.refused else OK


def _home_and_plan(asked: argparse.Namespace) -> tuple[Home, OpenPlan]:
    home = Home(asked.home)
    return home, home.plan(asked.model, asked.version)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="countersign", description="Send a model's counts, never its rows, to the appliance."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run: Any, name: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        added.set_defaults(command=run)
        added.add_argument("--home", help="the collector's directory (~/.countersign)")
        return added

    enrolling = command(enroll, "enroll")
    enrolling.add_argument("url", help="the appliance, such as https://countersign.example")
    enrolling.add_argument("token", help="the one-time token from an administrator")
    enrolling.add_argument("--name", help="how the appliance shall call this collector")
    baselines, windows = command(baseline, "baseline"), command(window, "window")
    later = command(outcomes, "outcomes")
    for one in (baselines, windows, later):
        _add_version_options(one, "Parquet, or CSV if it ends in .csv")
    _add_baseline_options(baselines, required=True)
    for one in (windows, later):
        _add_window_options(one)
    _add_replay(windows)
    windows.add_argument(
        "--shard", type=_shard, default=(0, 1), help="0/3 is the first of three parts"
    )
    conversion = command(convert, "convert")
    _add_version_options(conversion, "the other tool's file")
    _add_baseline_options(conversion, required=False)
    _add_window_options(conversion)
    _add_replay(conversion)
    naming = command(labels, "labels")
    naming.add_argument("file", type=Path, help="rows with the columns and categories")
    naming.add_argument("--model", required=True)
    naming.add_argument("--version", required=True)
    naming.add_argument("--out", type=Path, default=Path("labels.json"), help="(labels.json)")
    serving = command(gateway, "gateway")
    serving.add_argument("file", type=Path, help="a TOML file that says what is served")
    command(status, "status")
    add_commands(commands)
    importing = command(import_mlflow, "import-mlflow")
    importing.add_argument("--uri", required=True, help="MLflow, such as http://127.0.0.1:5000")
    importing.add_argument(
        "--artefacts", type=Path, help="where MLflow keeps what it serves, if that is on this host"
    )
    command(digest, "digest").add_argument("path", type=Path, help="the model's file or directory")
    outside.add_commands(command)
    return parser


def _add_version_options(parser: argparse.ArgumentParser, file: str) -> None:
    parser.add_argument("file", type=Path, help=file)
    parser.add_argument("--model", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--time", metavar="COLUMN", help="each row's moment; UTC without a zone")
    parser.add_argument("--revision", type=int, default=1)
    parser.add_argument("--subject", metavar="COLUMN", help="each row's person; never sent")


def _add_baseline_options(parser: argparse.ArgumentParser, *, required: bool) -> None:
    artefact = parser.add_mutually_exclusive_group(required=required)
    artefact.add_argument("--model-file", type=Path, help="the artefact: its SHA-256 is sent")
    artefact.add_argument("--digest", type=_digest, help="the artefact's SHA-256")
    parser.add_argument(
        "--role",
        type=_role,
        action="append",
        default=[],
        metavar="COLUMN=ROLE",
        help="score, prediction, outcome, group or ignore; other columns are features",
    )
    parser.add_argument("--recipe", type=Path, help="a TOML file with roles, slices and the like")
    parser.add_argument("--threshold", type=float, help="where the score becomes a decision")
    parser.add_argument("--window", type=_duration, help="90m, 12h, 7d or 4w (7d)")
    parser.add_argument("--min-count", type=int, help="the smallest count told (11)")


def _add_replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--replay", action="store_true", help="history that is sent again")


def _add_window_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--deployment", default="default")
    parser.add_argument("--start", type=_moment, help="2026-01-31 or 2026-01-31T12:00:00+01:00")
    parser.add_argument("--end", type=_moment, help="not included")


def _role(text: str) -> tuple[str, str]:
    name, equals, role = text.rpartition("=")
    if not equals:
        raise argparse.ArgumentTypeError("a role is given as COLUMN=ROLE")
    return name, role


def _duration(text: str) -> timedelta:
    try:
        return duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _moment(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a moment is a date or date and time, ISO 8601") from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _digest(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError("a digest is 64 hexadecimal digits")
    return text


def _shard(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,4})/(\d{1,5})", text)
    if not found or int(found[1]) >= int(found[2]):
        raise argparse.ArgumentTypeError("shards are numbered 0/3, 1/3, 2/3")
    return int(found[1]), int(found[2])


if __name__ == "__main__":
    sys.exit(main())
