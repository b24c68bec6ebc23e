"""A window under a noised plan is examined like any other, against a reference of before."""

import msgspec
import numpy as np
from django.utils import timezone

from countersign.tables import Counts, Tally
from detectors import plans, recording, reissue
from detectors.models import Examination, Window
from detectors.statistics.counts import Noise
from governance import policies
from governance.models import Incident
from governance.policies import Level, Rules

from .world import World

NOISE = Noise("discrete_laplace", 4.0)


def noised(tally: Tally, rng: np.random.Generator) -> Tally:
    """The same counts with noise on each, as a collector will draw it; sums stay as they are."""
    columns = {
        name: Counts(
            cells=(
                np.array(counts.cells) + NOISE.draw(rng, (len(counts.cells),)).astype(int)
            ).tolist(),
            sum=counts.sum,
            sum_squares=counts.sum_squares,
        )
        for name, counts in tally.columns.items()
    }
    assert tally.rows is not None
    return Tally(rows=tally.rows + int(NOISE.draw(rng, (1,))[0]), columns=columns)


def test_noised_windows_are_examined_and_raise_nothing_by_themselves(world: World) -> None:
    rules = Rules(mechanism=NOISE.mechanism, scale=NOISE.scale, epsilon_per_year=50.0)
    policies.set_rules(Level(), rules, actor="user:1", reason="because")
    assert reissue.follow_policy() == 1
    world.plan = world.version.baselines.get().plan_digest
    privacy = plans.read_plan(world.plan).privacy
    for week in range(8):
        window = world.window(week, privacy=privacy)
        tally = noised(window.tally, world.rng)
        world.send(msgspec.structs.replace(window, tally=tally))
        for pk in recording.overdue(timezone.now()):
            recording.examine_and_record(pk)
    assert Examination.objects.count() == Window.objects.count() == 8
    assert not Incident.objects.exists()
