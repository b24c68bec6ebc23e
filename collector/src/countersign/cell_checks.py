"""What cells and their sums must fulfil, in whatever table: as many as declared, none too small."""

from collections.abc import Iterable, Sequence

from .statement import Refused
from .tables import Cell, Column, Counts, Privacy

ROUNDING = 1e-6


def check_counts(counts: Counts, column: Column, privacy: Privacy, path: str) -> None:
    """As many cells as the column has, none below the floor; a metered one has possible sums."""
    check_cells(counts.cells, column, privacy, path)
    metered = column.metered
    if (counts.sum is not None, counts.sum_squares is not None) != (metered, metered):
        raise Refused(
            "tally.sums", "Scores and meters have both sums, and no other column has any.", path
        )
    if counts.sum is None or counts.sum_squares is None:
        return
    if starts_of(counts.sum) != starts_of(counts.sum_squares):
        raise Refused("tally.sums", "Both sums are told of the same cells.", path)
    largest, inside = largest_of(column), _inside(counts.cells, column)
    refuse_impossible_sums(counts.sum, inside, (-largest, largest), privacy, path)
    refuse_impossible_sums(counts.sum_squares, inside, (0.0, largest**2), privacy, path)


def check_cells(cells: Sequence[Cell], column: Column, privacy: Privacy, path: str) -> None:
    """As many cells as the column has, the first not null, none below the floor."""
    if len(cells) != column.size:
        raise Refused("tally.cells", f"This column has {column.size} cells.", path)
    if cells[0] is None:
        raise Refused(
            "tally.first_cell", "The first cell can't be merged into one before it.", path
        )
    for cell in cells:
        if cell is not None:
            check_cell(cell, privacy, path)


def check_cell(count: int, privacy: Privacy, path: str) -> None:
    """Without noise a count is 0 or at least min_count; with noise it may be anything not huge."""
    if is_small(count, privacy):
        raise Refused(
            "privacy.cell_below_floor",
            f"A count is 0 or at least {privacy.min_count}; merge smaller cells with a neighbour.",
            path,
        )


def is_small(count: int, privacy: Privacy) -> bool:
    """Whether a count, or a difference of two, may not be told."""
    return privacy.mechanism == "none" and (count < 0 or 0 < count < privacy.min_count)


def check_parts(
    whole: Sequence[Cell], parts: Iterable[Sequence[Cell]], privacy: Privacy, path: str
) -> None:
    """Taking the parts away from the whole, one after the other, leaves no small count.

    They are merged at least as far as the whole, and of any two one as far as the other or further.
    So taking away only some of them leaves nothing smaller.
    """
    rest = whole
    for part in sorted(parts, key=lambda cells: len(starts_of(cells)), reverse=True):
        if not starts_of(part) <= starts_of(rest):
            raise Refused(
                "privacy.differencing",
                "Tables of parts are merged at least as far as the table over all rows, "
                "and each as far as the finer ones.",
                path,
            )
        rest = [
            None if own is None else total(rest[start:stop]) - own
            for own, start, stop in _runs(part)
        ]
        refuse_small_rest(rest, privacy, path)


def refuse_small_rest(rest: Iterable[Cell], privacy: Privacy, path: str) -> None:
    """What follows by subtracting is 0 or at least min_count, as if it were told."""
    rest = list(rest)
    if privacy.mechanism == "none" and any((cell or 0) < 0 for cell in rest):
        raise Refused("tally.parts", "A part's count is no larger than the whole's.", path)
    if any(is_small(cell or 0, privacy) for cell in rest):
        raise Refused(
            "privacy.differencing",
            f"Subtracting one table from another leaves 0 rows or at least {privacy.min_count}; "
            "merge both further.",
            path,
        )


def refuse_impossible_sums(
    sums: Sequence[float | None],
    cells: Sequence[Cell],
    of_one_row: tuple[float, float],
    privacy: Privacy,
    path: str,
) -> None:
    """A run's sum is one that its rows can have; `of_one_row` is what a single one can."""
    if len(sums) != len(cells) or not starts_of(sums) <= starts_of(cells):
        raise Refused("tally.sums", "A sum stands only beside a cell that is not null.", path)
    if privacy.mechanism != "none":
        return
    for count, told in zip(cells, sums, strict=True):
        low, high = ((count or 0) * bound for bound in of_one_row)
        room = ROUNDING * (1 + high) if count else 0.0
        if told is not None and not low - room <= told <= high + room:
            raise Refused("tally.sums", "A sum is too large for its rows and its edges.", path)


def largest_of(column: Column) -> float:
    """The largest absolute value between the outermost edges."""
    return max(abs(column.edges[0]), abs(column.edges[-1]))


def total(cells: Iterable[Cell]) -> int:
    """The rows of all cells."""
    return sum(c or 0 for c in cells)


def starts_of(cells: Sequence[float | None]) -> set[int]:
    """Where the runs start."""
    return {i for i, cell in enumerate(cells) if cell is not None}


def _inside(cells: Sequence[Cell], column: Column) -> list[Cell]:
    """How many rows of each run may lie inside the bins: none, or all of them."""
    bins = range(column.first_value, column.size - 1)
    return [
        cell if cell is None or (start < bins.stop and bins.start < stop) else 0
        for cell, start, stop in _runs(cells)
    ]


def _runs(cells: Sequence[Cell]) -> list[tuple[Cell, int, int]]:
    """Each cell, and where its run starts and stops; a null cell has an empty one."""
    stop, found = len(cells), []
    for start in reversed(range(len(cells))):
        found.append((cells[start], start, stop))
        stop = stop if cells[start] is None else start
    return found[::-1]
