"""The life of the gateway's process."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..home import Home
from ..rest import Unreachable
from ..statement import Refused
from .server import Server
from .service import Served, Settings, open_served, token_in

TICK = 0.5  # seconds between two looks at the clock
PLANS_EVERY = 60.0  # seconds between two looks for a newer plan

log = logging.getLogger("countersign")


def run(home: Home, settings: Settings, say: Callable[[str], Any]) -> None:
    """Serve until SIGTERM or SIGINT; what was acknowledged is on disk and goes on at a start."""
    token = token_in(home.directory / Path(settings.token_file).expanduser())
    served = open_served(home, settings)
    host, _, port = settings.listen.rpartition(":")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Server((host, int(port)), token, served) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        say(f"on http://{host}:{server.server_port}")
        _tell(served, stop)
        server.shutdown()
        thread.join()
    home.sender.stop()


def _tell(served: dict[str, Served], stop: threading.Event) -> None:
    """Tell what is over, and look for newer plans, until it is time to stop."""
    looked = time.monotonic()
    while not stop.wait(TICK):
        look = time.monotonic() - looked >= PLANS_EVERY
        looked = time.monotonic() if look else looked
        for address, one in served.items():
            try:
                if look:
                    one.deployment.follow_plan()
                one.deployment.release()
            except (Refused, Unreachable, OSError) as error:
                log.error("%s: %s; it is tried again", address, error)
