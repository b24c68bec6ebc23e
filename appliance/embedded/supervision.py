"""Keeping programs alive: started again with growing pauses, and stopped together."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

FIRST_PAUSE = 0.5  # seconds before a program that stopped is started again
LONGEST_PAUSE = 10.0
SETTLED = 5.0  # a program that ran this long has forgotten its earlier crashes

say = partial(print, flush=True)


@dataclass
class Child:
    """A program that should always be running."""

    name: str
    launch: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes] | None = None
    _pause: float = FIRST_PAUSE
    _since: float = 0.0
    _due: float = 0.0

    def keep_alive(self) -> None:
        """To be called a few times a second: notices an end, and starts again when due."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._due:
                self.process = self.launch()
                self._since = now
        elif (code := self.process.poll()) is not None:
            self.process = None
            if now - self._since > SETTLED:
                self._pause = FIRST_PAUSE
            self._due = now + self._pause
            say(f"{self.name} stopped ({_ending(code)}); starting it again")
            self._pause = min(2 * self._pause, LONGEST_PAUSE)


def stop(children: Iterable[Child], seconds: float) -> None:
    """Ask all of them to finish what they are doing; after `seconds`, end what is left."""
    running = [child.process for child in children if child.process is not None]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + seconds
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
