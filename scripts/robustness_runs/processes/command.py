"""The mode `processes`: do the harm that is asked for, one run after another, and print what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from robustness_runs.parts import run_parts
from robustness_runs.processes.rows import ROWS


def main(words: Sequence[str] | None = None) -> int:
    """Run what `words` ask for; 0 if every row passes, 1 if one fails."""
    return run_parts(
        "processes",
        ROWS,
        words,
        does="Harm real processes on this machine and print what comes of it beside what must.",
        needs="Times are longer where the machine is busy with other things. It needs SIGSTOP.",
    )
