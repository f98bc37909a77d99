"""The mode `hosts`: harm nodes on hosts of their own as is asked for, and print what came of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from robustness_runs.hosts.hosts import why_none
from robustness_runs.hosts.rows import ROWS
from robustness_runs.parts import run_parts


def main(words: Sequence[str] | None = None) -> int:
    """Run what `words` ask for; 0 if every row passes, 1 if one fails, 2 where there can be no hosts."""
    if why := why_none():
        print(why, file=sys.stderr)
        return 2
    return run_parts(
        "hosts",
        ROWS,
        words,
        does="Harm nodes on hosts of their own, network namespaces, and print what comes of it.",
        needs="Times are longer where the machine is busy with other things. It needs Linux, root, ip, tc.",
    )
