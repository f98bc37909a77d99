"""The command: its first word says what is measured, the others go to that."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from gossipfl.errors import RunError, UserError
from robustness_runs import byzantine, checkpoints, faults
from robustness_runs.hostile import command as hostile
from robustness_runs.hosts import command as hosts
from robustness_runs.processes import command as processes
from robustness_runs.restarts import command as restarts
from robustness_runs.soak import command as soak

MODES: dict[str, Callable[[Sequence[str]], int]] = {
    "faults": faults.main,
    "byzantine": byzantine.main,
    "processes": processes.main,
    "hosts": hosts.main,
    "restarts": restarts.main,
    "checkpoints": checkpoints.main,
    "hostile": hostile.main,
    "soak": soak.main,
}


def main(words: Sequence[str] | None = None) -> int:
    """Run what `words` ask for; 0 if all passes, 1 if something fails, 2 for wrong use."""
    words = sys.argv[1:] if words is None else words
    if words and words[0] in MODES:
        try:
            return MODES[words[0]](words[1:])
        except (UserError, RunError) as error:
            print(error, file=sys.stderr)
            return 2 if isinstance(error, UserError) else 1
    print(f"usage: scripts/robustness {{{','.join(MODES)}}} ... [--help]", file=sys.stderr)
    return 0 if words[:1] in (["-h"], ["--help"]) else 2


if __name__ == "__main__":
    sys.exit(main())
