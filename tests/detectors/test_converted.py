"""A model that is watched by other tools' profiles alone: accepted, examined, no false alarm."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from countersign.convert.profile import Profile, Texts, Told, from_buckets
from countersign.convert.statements import baseline_of, window_of
from countersign.recipe import Recipe
from countersign.statements import OpenPlan, Period
from detectors import intake, plans
from detectors.intake import Upload
from detectors.models import Examination
from governance.models import Incident
from tests.detectors.world import World

from .test_examination import examine_all

KEY = b"k" * 32
ROWS = 20_000
WEEK = timedelta(days=7)
BEGIN = datetime(2020, 1, 6, tzinfo=UTC)
ERROR = 0.01  # a quantile sketch's, as a share of the rows


def a_profile(seed: int, shift: float = 0.0) -> Profile:
    """Rows as a profile knows them: 300 buckets, each rank off by up to ERROR of the rows."""
    random = np.random.default_rng(seed)
    columns: dict[str, Told] = {}
    for name, values in {
        "income": random.lognormal(10, 0.7, ROWS) * (1 + shift),
        "risk": random.beta(2, 3, ROWS),
    }.items():
        edges = np.unique(np.quantile(values, np.linspace(0, 1, 301)))
        ranks = np.histogram(values, edges)[0].cumsum()
        off = random.normal(0, ERROR / 2.6, len(ranks)) * ROWS
        ranks = np.maximum.accumulate(np.clip(np.round(ranks + off), 0, ROWS))
        ranks[-1] = ROWS
        counts = np.diff(ranks, prepend=0)
        columns[name] = Told(
            numbers=from_buckets(list(zip(edges, edges[1:], counts, strict=False)))
        )
    regions = random.multinomial(ROWS, [0.5, 0.3, 0.2])
    texts = {name: int(n) for name, n in zip(["north", "south", "west"], regions, strict=True)}
    return Profile(ROWS, columns | {"region": Told(texts=Texts(ROWS, texts))})


def send(world: World, payload: bytes, accept: Any, *more: Any) -> str:
    upload = Upload(payload, [], world.caller, datetime.now(UTC))
    return str(accept(upload, *more).digest)


def watched(world: World) -> OpenPlan:
    recipe = Recipe(
        model=world.version.model.name,
        version=world.version.name,
        digest=world.version.digest,
        key=KEY,
        roles={"risk": "score"},
        threshold=0.5,
        revision=2,
    )
    payload = baseline_of(a_profile(0), recipe).payload
    digest = send(world, payload, intake.accept_baseline, world.version)
    plan = plans.read_plan(plans.plan_digest_of(digest))
    return OpenPlan(plan, plans.plan_digest_of(digest), world.version.digest)


def send_weeks(world: World, plan: OpenPlan, weeks: int, shift: float = 0.0) -> None:
    for week in range(weeks):
        start = BEGIN + week * WEEK
        period = Period(deployment="prod", start=start, end=start + WEEK)
        profile = a_profile(100 + week, shift)
        payload = window_of(profile, plan, KEY, period, replay=True).payload
        send(world, payload, intake.accept_window)


def test_quiet_profiles_raise_nothing(world: World):
    send_weeks(world, watched(world), 12)
    assert examine_all() == 12
    assert Examination.objects.count() == 12
    assert not Incident.objects.exists()


def test_a_shift_that_the_profiles_show_is_found(world: World):
    send_weeks(world, watched(world), 3, shift=0.4)
    examine_all()
    assert Incident.objects.get(cause="drift").findings[0]["name"] == "income"
