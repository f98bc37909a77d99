"""A node that `gossipfl up` started ends when that one is gone, however it ended.

Rules:
- Whoever starts a node holds one end of a pipe, of which the other is the node's standard input, and writes
  nothing. The operating system closes a dead process's pipes, on Linux, macOS and Windows alike.
- A node is told of it in the environment, never in its file: what a person starts ends when they say so.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping

LIFELINE = "GOSSIPFL_LIFELINE"
"""Set to "stdin" where a node ends with its standard input."""

TIED = {LIFELINE: "stdin"}
"""What to tell a node."""


def hold(told: Mapping[str, str]) -> None:
    """End this process, as SIGTERM does, once its lifeline is cut, if the environment `told` names one."""
    if told.get(LIFELINE) == TIED[LIFELINE]:
        threading.Thread(target=_end_with_input, name="lifeline", daemon=True).start()


def _end_with_input() -> None:
    while os.read(0, 4096):  # not `sys.stdin`, whose lock would be held when the interpreter ends
        pass
    signal.raise_signal(signal.SIGTERM)
