"""At most so many rows of one person in a statement: what noise for persons rests on.

The column with each row's person is read on the host and nowhere else. Kept in memory, for one
statement's rows, is a keyed hash of each person and how many rows were counted: about 150 bytes.
Rows without a person are left out: nobody could say whose they are.
"""

from collections import defaultdict

import numpy as np

from .frames import Array, Data, as_coded
from .hashing import keyed, text_of
from .statement import Refused
from .tables import Privacy

DOMAIN = "countersign subject v1"


class Subjects:
    """Who is in one statement so far, and with how many rows."""

    def __init__(self, column: str, most: int, key: bytes) -> None:
        self.column, self._most, self._key = column, most, key
        self._rows: dict[bytes, int] = defaultdict(int)

    @classmethod
    def under(cls, privacy: Privacy, column: str | None, key: bytes) -> "Subjects | None":
        """For noise that protects persons; None where it protects rows, or there is none."""
        if privacy.mechanism == "none" or privacy.unit == "row":
            return None
        if column is None:
            raise Refused(
                "noise.subject",
                f"The noise protects persons, with at most {privacy.contribution} rows each: say "
                "which column holds each row's person (`subject`).",
            )
        return cls(column, privacy.contribution, key)

    def anew(self) -> "Subjects":
        """For the next statement: nobody is in it."""
        return Subjects(self.column, self._most, self._key)

    def __iadd__(self, other: "Subjects") -> "Subjects":
        for name, rows in other._rows.items():
            self._rows[name] += rows
        return self

    def limit(self, data: dict[str, Data]) -> tuple[int, dict[str, Data]]:
        """The rows that may be counted: how many, and their columns without the person."""
        if self.column not in data:
            raise Refused("noise.subject", "The rows lack the column with each row's person.")
        admitted = self._admit(data[self.column])
        others = {name: column for name, column in data.items() if name != self.column}
        return len(admitted), {name: column[admitted] for name, column in others.items()}

    def _admit(self, persons: Data) -> Array:
        """The places of the rows with which nobody exceeds the bound; they are counted now."""
        coded = as_coded(persons)
        places: Array = np.argsort(coded.codes, kind="stable")
        codes, first = np.unique(coded.codes[places], return_index=True)
        admitted = [
            rows[: self._take(coded.values[code], len(rows))]
            for code, rows in zip(codes.tolist(), np.split(places, first[1:]), strict=True)
            if code >= 0
        ]
        return np.sort(np.concatenate([places[:0], *admitted]))

    def _take(self, person: object, rows: int) -> int:
        """How many more rows of a person are counted."""
        text = text_of(person)
        if not isinstance(text, str):
            return 0
        name = keyed(self._key, DOMAIN, text)
        taken = max(0, min(rows, self._most - self._rows[name]))
        self._rows[name] += taken
        return taken
