"""What a team says about a version's data, besides the data: roles, groups, slices and the like."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import chain
from typing import Any, get_args

import msgspec

from .aliases import Aliases
from .checks import check_privacy
from .statement import Refused
from .tables import LATER, ColumnName, Privacy, Role, Worth
from .templates import load

EMBEDDING = "embedding"
ROLES = ("ignore", EMBEDDING, *get_args(Role))
UNSLICED = {"score", "class_score", "group", *LATER}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What the data can't say about themselves.

    `digest` is the version's SHA-256. `roles` gives columns another role than `feature`, or
    `ignore`, or `embedding` for a column of vectors. `threshold` is where the score becomes a
    decision, `time` the column with each row's moment, `window` how much time one statement will
    cover.

    `joined` makes one group of several columns: {"sex and race": ("sex", "race")}. Its parts are
    not counted by themselves: a part's table beside the joined one could be subtracted from it.
    `classes` gives, for each column with the score of one class, that class as it stands in the
    prediction and the outcome. `slices` are columns, or pairs of them, whose parts are watched.
    `multivariate` names numeric columns whose correlations are watched. `template` says what kind
    of model this is, `worth` what its decisions are worth. `seed` draws the embeddings' features.
    `edges` declares bins by column, `categories` a vocabulary; otherwise both are found in the
    rows. `noise` is what the policy demands of the baseline, as `Privacy` says it, and `subject`
    the column with each row's person, where that noise protects persons.
    With `aliases`, keyed tokens stand for the columns' names.
    """

    model: str
    version: str
    digest: str
    key: bytes
    roles: Mapping[str, str] = field(default_factory=dict)
    threshold: float | None = None
    time: str | None = None
    window: timedelta = timedelta(days=7)
    min_count: int = 11
    revision: int = 1
    joined: Mapping[str, Sequence[str]] = field(default_factory=dict)
    classes: Mapping[str, Any] = field(default_factory=dict)
    slices: Sequence[str | Sequence[str]] = ()
    multivariate: Sequence[str] = ()
    template: str | None = None
    worth: Worth | Mapping[str, Any] | None = None
    seed: int = 0
    aliases: bool = False
    edges: Mapping[str, Sequence[float]] = field(default_factory=dict)
    categories: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    noise: Mapping[str, Any] = field(default_factory=dict)
    subject: str | None = None

    def __post_init__(self) -> None:
        if not set(self.roles.values()) <= set(ROLES):
            raise Refused("baseline.role", f"Roles are {', '.join(ROLES)}.")
        self._check_joined()
        scores = {name for name, role in self.roles.items() if role == "class_score"}
        if not scores <= set(self.classes) or any(
            self.role(name) != "class_score" for name in self.classes
        ):
            raise Refused(
                "baseline.classes", "Class scores are given in `classes`, with the class of each."
            )
        if self.template is not None:
            load(self.template)
        if not isinstance(self.worth, Worth | None) and not _is(self.worth, Worth):
            raise Refused(
                "baseline.worth",
                "Worth has a currency such as EUR, and numbers for true_positive, false_positive, "
                "true_negative and false_negative, or per_error.",
            )

        self._check_noise()

    def _check_noise(self) -> None:
        if not _is({**self.noise}, Privacy) or "min_count" in self.noise:
            raise Refused(
                "baseline.noise", "Noise has a mechanism and a scale, and a unit and contribution."
            )
        check_privacy(self.privacy)
        if self.noised and (self.multivariate or self.embeddings):
            raise Refused(
                "noise.means",
                "One row can change means of whole rows by more than noise could hide: under noise "
                "there are no correlations (`multivariate`) and no embeddings.",
            )
        if self.edges.keys() & self.categories.keys():
            raise Refused("baseline.edges", "A column has edges or categories, not both.")

    def _check_joined(self) -> None:
        parts = list(chain.from_iterable(self.joined.values()))
        if any(not 2 <= len(of) <= 4 for of in self.joined.values()):
            raise Refused("baseline.joined_column", "A joined column is made of two to four.")
        if len(set(parts)) != len(parts):
            raise Refused(
                "privacy.differencing",
                "A column is part of one joined column, once: two that share a part could be "
                "subtracted.",
            )
        own = {name: self.roles.get(name, "ignore") for name in parts}
        own |= {name: self.roles.get(name, "group") for name in self.joined}
        if any(own[name] != ("group" if name in self.joined else "ignore") for name in own):
            raise Refused(
                "baseline.joined_column",
                "A joined column is a group; its parts have no role and aren't counted.",
            )

    def with_template(self, names: Collection[str]) -> "Recipe":
        """This recipe and what its template adds for the data's column names.

        What is declared is never overruled: a column's own role or part in a joined one, or another
        outcome. Added slices are of columns that can be sliced.
        """
        if self.template is None:
            return self
        roles, template = dict(self.roles), load(self.template)
        parts = {self.time, *self.classes, *chain.from_iterable(self.joined.values())}
        for name, role in template.roles.items():
            second = role == "outcome" and "outcome" in roles.values()
            if name in names and name not in parts and not second:
                roles.setdefault(name, role)
        fuller = replace(self, roles=roles)
        more = [
            name
            for name in template.slices
            if name in names
            and name not in parts
            and name not in self.slices
            and fuller.role(name) not in UNSLICED | {"ignore", EMBEDDING}
        ]
        return replace(fuller, slices=[*self.slices, *more])

    def under(self, names: Aliases) -> "Recipe":
        """The same about columns that have their aliases already."""
        return replace(
            self,
            aliases=False,
            roles=names.keys_of(self.roles),
            classes=names.keys_of(self.classes),
            joined={names[n]: [names[part] for part in of] for n, of in self.joined.items()},
            slices=[
                names[one] if isinstance(one, str) else [names[name] for name in one]
                for one in self.slices
            ],
            multivariate=[names[name] for name in self.multivariate],
            time=None if self.time is None else names[self.time],
            edges=names.keys_of(self.edges),
            categories=names.keys_of(self.categories),
            subject=None if self.subject is None else names[self.subject],
        )

    def role(self, name: str) -> str:
        """What a column is."""
        if name in self.joined:
            return "group"
        return self.roles.get(name, "class_score" if name in self.classes else "feature")

    def named(self, role: str) -> set[str]:
        """The columns that were given a role."""
        return {name for name, own in self.roles.items() if own == role}

    @property
    def privacy(self) -> Privacy:
        """How the baseline is protected."""
        return msgspec.convert({**self.noise, "min_count": self.min_count}, Privacy)

    @property
    def noised(self) -> bool:
        return self.privacy.mechanism != "none"

    @property
    def embeddings(self) -> list[str]:
        """The columns of vectors."""
        return [name for name, role in self.roles.items() if role == EMBEDDING]

    @property
    def left_out(self) -> set[str]:
        """The columns that have no cells."""
        ignored = {name for name, role in self.roles.items() if role in ("ignore", EMBEDDING)}
        return ignored | ({self.subject} if self.subject else set())

    @property
    def texts(self) -> list[str]:
        """The columns that hold categories even where these look like numbers, such as "007"."""
        texts = {"group", "prediction", "outcome"} if self.classes else {"group"}
        named = [name for name, role in self.roles.items() if role in texts]
        return [*named, *chain.from_iterable(self.joined.values())]

    @property
    def value(self) -> Worth | None:
        """What decisions are worth, as it is told."""
        return None if self.worth is None else msgspec.convert(self.worth, Worth)


def check_name(name: str) -> None:
    """Refuse a column's name that the wire can't carry."""
    if not _is(name, ColumnName):
        raise Refused(
            "baseline.column_name",
            "A column's name has at most 64 of the letters A to Z, digits, and _ . - or space.",
            name,
        )


def _is(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True
