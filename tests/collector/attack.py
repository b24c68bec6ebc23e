"""Small worlds, and an attacker who knows everything that is told of one.

A world has a few variables, each with a few possible values, and a number of rows for every
combination. Whatever is told is the number of rows (or the sum of their values) in some set of
combinations. The attacker adds and subtracts what is told, however many at once: a set whose rows
can be worked out is a linear combination of the told ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from countersign.batch import Counted
from countersign.counting import Counter
from countersign.design import Design
from countersign.table_checks import Scheme, check_labels, check_tally
from countersign.tables import Labels, Privacy, Tally

MIN = 11
KEY = b"k"
seeds = st.integers(0, 2**32 - 1)
sizes = st.sampled_from([1.0, 4.0, 12.0, 40.0])
Cube = npt.NDArray[np.int64]


@dataclass
class World:
    """`values` by variable, in the order of the cube's axes."""

    values: dict[str, list[Any]]
    cube: Cube

    def rows(self, **chosen: int) -> dict[str, npt.NDArray[Any]]:
        """The rows themselves, or those with the chosen value of some variables."""
        places = np.argwhere(self.cube >= 0)
        for name, value in chosen.items():
            places = places[places[:, list(self.values).index(name)] == value]
        repeated = np.repeat(places, self.cube[tuple(places.T)], axis=0)
        return {
            name: np.fromiter(values, object, len(values))[repeated[:, axis]]
            for axis, (name, values) in enumerate(self.values.items())
        }

    def where(self, **chosen: Sequence[int]) -> Cube:
        """1 for the combinations in which the variables have one of the chosen values."""
        found = np.ones(self.cube.shape, np.int64)
        for name, places in chosen.items():
            axis = list(self.values).index(name)
            of_axis = np.isin(np.arange(self.cube.shape[axis]), places)
            shape = [-1 if i == axis else 1 for i in range(self.cube.ndim)]
            found *= of_axis.reshape(shape)
        return found

    def conjunctions(self, choices: Mapping[str, Sequence[Sequence[int]]]) -> Cube:
        """A row of 0 and 1 for each combination of a choice per variable."""
        sets = np.ones((1, 1), np.int64)
        for name, values in self.values.items():
            everything = range(len(values))
            axis = [np.isin(everything, c) for c in choices.get(name, [everything])]
            sets = np.einsum("ij,kl->ikjl", sets, np.array(axis, np.int64)).reshape(
                len(sets) * len(axis), -1
            )
        return sets


def a_world(values: dict[str, list[Any]], seed: int, size: float, zeros: float = 0.2) -> World:
    """Many combinations rare, some never seen, some common."""
    random = np.random.default_rng(seed)
    rates = np.full([len(v) for v in values.values()], size)
    for axis, cells in enumerate(rates.shape):
        shape = [-1 if i == axis else 1 for i in range(rates.ndim)]
        factors: npt.NDArray[np.float64] = random.lognormal(0, 0.9, cells)
        rates = rates * factors.reshape(shape)
    rates = rates * random.lognormal(0, 0.8, rates.shape) * (random.random(rates.shape) >= zeros)
    return World(values, random.poisson(rates))


def counted(world: World, design: Design, **chosen: int) -> Counted:
    """The raw counts of the world's rows."""
    counter = Counter(design, "loans", KEY)
    data = world.rows(**chosen)
    return counter.count({name: data[name] for name in counter.names})


def check(design: Design, tally: Tally, labels: Labels | None = None) -> None:
    """By the rules that the appliance goes by."""
    scheme, privacy = (
        Scheme(design.columns, design.slices, (), design.decides),
        Privacy(min_count=MIN),
    )
    check_tally(tally, scheme, privacy, "$")
    check_labels(labels, scheme, privacy, "$")


def runs_of(cells: Sequence[Any]) -> Iterator[list[int]]:
    """The runs of cells whose total a table tells."""
    starts = [i for i, cell in enumerate(cells) if cell is not None]
    for start, stop in zip(starts, [*starts[1:], len(cells)], strict=True):
        yield list(range(start, stop))


def ranges(cells: int) -> list[list[int]]:
    """All runs of neighbours."""
    return [list(range(a, b + 1)) for a, b in combinations_with_replacement(range(cells), 2)]


def subsets(cells: int) -> list[list[int]]:
    """All sets but the empty one."""
    return [list(c) for n in range(1, cells + 1) for c in combinations(range(cells), n)]


def assert_nothing_small_follows(world: World, told: Sequence[Cube], sets: Cube) -> None:
    """No set of 1 to MIN - 1 rows is a combination of the told ones."""
    base = np.array([t.reshape(-1) for t in told], float)
    _, values, rows = np.linalg.svd(base, full_matrices=False)
    space = rows[values > 1e-9]
    counts = sets @ world.cube.reshape(-1)
    small = sets[(counts > 0) & (counts < MIN)]
    beyond = np.abs(small - (small @ space.T) @ space).max(axis=1, initial=0)
    assert (beyond > 1e-6).all(), "a small count follows from what is told"
