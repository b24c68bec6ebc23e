"""Countersign's collector: counts a model's rows beside the model; only signed counts leave.

    home = countersign.Home()
    collector = home.collector("loans", "3")
    collector.add(frame)
    home.send(collector.close_window())

`countersign.statement` defines what crosses the line.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .collector import Collector
    from .gateway.replica import Replica
    from .home import Home
    from .statement import Refused

__all__ = ["Collector", "Home", "Refused", "Replica"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load the collector when it is asked for: the appliance only needs the statements' format."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = {"Refused": "statement", "Replica": "gateway.replica"}.get(name, name.lower())
    return getattr(import_module(f".{module}", __name__), name)
