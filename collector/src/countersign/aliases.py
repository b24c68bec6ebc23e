"""Aliases: what stands for a column's name outside the model's host, where the recipe asks for it.

    alias = "k", then the first 48 bits of HMAC-SHA-256(key, P(domain) P(model) P(name))

in hexadecimal digits, with P and the key of `hashing`, and the domain "countersign alias v1". So
neither the wire nor the appliance has the name; whoever counts finds the column by the key alone.

>>> alias_of(bytes(32), "loans", "income")
'k2adf5a7567d1'
"""

from collections.abc import Collection, Mapping
from typing import Any

from .frames import names_in, pick
from .hashing import keyed
from .tables import is_alias

DOMAIN = "countersign alias v1"


def alias_of(key: bytes, model: str, name: str) -> str:
    """What a column is called in the plan: "k" and 12 hexadecimal digits."""
    return "k" + keyed(key, DOMAIN, model, name)[:6].hex()


class Aliases(dict[str, str]):
    """From a column's own name to the planned one; each name is hashed once.

    Without `planned` names every one gets an alias. Otherwise a name that the plan knows neither as
    it is nor by its alias stays as it is.
    """

    def __init__(self, key: bytes, model: str, planned: Collection[str] | None = None) -> None:
        super().__init__()
        self._key, self._model, self._planned = key, model, planned
        self.any = planned is None or any(map(is_alias, planned))

    def __missing__(self, name: str) -> str:
        alias = alias_of(self._key, self._model, name) if self.any else name
        if self._planned is not None and (name in self._planned or alias not in self._planned):
            alias = name
        self[name] = alias
        return alias

    def rename(self, batch: Any) -> Any:
        """The batch with its columns under their planned names."""
        if not self.any:
            return batch
        return {self[name]: pick(batch, name) for name in names_in(batch)}

    def own_name(self, planned: str) -> str:
        """The name that stands behind an alias that was given here; anything else as it is."""
        return next((name for name, alias in self.items() if alias == planned), planned)

    def keys_of(self, named: Mapping[str, Any]) -> dict[str, Any]:
        """The same values under the planned names."""
        return {self[name]: value for name, value in named.items()}
