"""Processes that never outlive the one that started them (Linux)."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None, use_errno=True).prctl


def die_with_parent(parent: int, signum: int = signal.SIGKILL) -> None:
    """Have the kernel send `signum` to this process as soon as its parent is gone.

    To be called in the child, after any change of user (which clears the request).
    `parent` is the pid the child was forked from: if that process is already gone, the
    request would never fire, so the child leaves at once.
    """
    if _prctl(_PR_SET_PDEATHSIG, signum) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(1)


def start(
    command: Sequence[str | Path], *, at_our_death: int = signal.SIGKILL, **options: Any
) -> subprocess.Popen[bytes]:
    """Start `command`; it receives the signal `at_our_death` when this process ends, however.

    It gets a process group of its own, so that Ctrl-C reaches this process alone, which
    decides who stops when. `options` are those of `subprocess.Popen`.
    """
    us = os.getpid()
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=lambda: die_with_parent(us, at_our_death),  # noqa: PLW1509 (no threads here)
        **options,
    )
