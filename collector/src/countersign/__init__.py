"""Countersign's collector: counts a model's rows beside the model; only signed counts leave.

    home = countersign.Home()
    collector = home.collector("loans", "3")
    collector.add(frame)
    home.send(collector.close_window())

`countersign.statement` defines what crosses the line.
"""

from .collector import Collector
from .home import Home
from .statement import Refused

__all__ = ["Collector", "Home", "Refused"]
__version__ = "0.1.0"
