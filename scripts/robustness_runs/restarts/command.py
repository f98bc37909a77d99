"""The mode `restarts`: kill a node of four so often, and print what came of it beside what must."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gossipfl.protocol.patience import FLOOR_S
from robustness_runs.processes.rows import Row, at_most, exactly, told
from robustness_runs.restarts.audit import Audit, used_again
from robustness_runs.restarts.killing import VICTIM, Seen, kill_again_and_again

LOST_MAX = 0.5  # points of accuracy
FORGOTTEN_MAX = 2
"""A kill forgets the round whose checkpoint is being written, and where a disk is slow the one before."""


def main(words: Sequence[str] | None = None) -> int:
    """Run what `words` ask for; 0 if every row passes, 1 if one fails."""
    given = _arguments(words)
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as folder:
        seen = kill_again_and_again(
            Path(folder),
            given.kills,
            given.seed,
            lambda number: print(f"\r{number} of {given.kills} kills", end="", file=sys.stderr, flush=True),
        )
    print(file=sys.stderr)
    return told(judged(seen), as_json=given.json)


def judged(seen: Seen) -> list[Row]:
    """What the records of the four tell, beside what they must."""
    audits = [Audit(records) for records in seen.records]
    victim, others = audits[VICTIM], [audit for peer, audit in enumerate(audits) if peer != VICTIM]
    durations_s = [r["duration_s"] for peer, records in enumerate(seen.records) if peer != VICTIM
                   for r in records if r["kind"] == "round"]  # fmt: skip
    longest_s = 2 * (statistics.median(durations_s) + FLOOR_S)
    applied = sum(audit.applied for audit in audits)
    return [
        exactly(f"of {applied} updates applied, twice", sum(len(a.used_twice) for a in audits), 0),
        exactly("and by lives that were forgotten", used_again(audits), 0),
        exactly(f"of {seen.round} rounds, lost by the others", sum(a.lost_rounds for a in others), 0),
        at_most("the longest round of the others", max(a.longest_s for a in others), longest_s, "s"),
        exactly(
            f"lives that told of themselves, of {seen.kills + 1}, have growing epochs",
            victim.epochs_grow,
            True,
        ),
        exactly(
            "of them, lives that did not go on from a checkpoint", len(victim.epochs) - victim.resumed, 1
        ),
        at_most("rounds forgotten by one kill", max(victim.forgotten, default=0), FORGOTTEN_MAX, "rounds"),
        exactly("checkpoints that were spoilt or not written", sum(len(a.warnings) for a in audits), 0),
        exactly("peers taken for liars", sum(a.quarantined for a in audits), 0),
        at_most("accuracy lost", seen.accuracy_without - seen.accuracy, LOST_MAX, "points"),
    ]


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/robustness restarts",
        description="Kill a node of four real processes by SIGKILL again and again, while the run goes on.",
        epilog="A kill takes about a second, and more where the machine is busy with other things.",
    )
    parser.add_argument("--kills", type=int, default=200, help="how often")
    parser.add_argument("--seed", type=int, default=0, help="of the moments, and of the run")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(words)
    if given.kills < 1:
        parser.error("--kills must be 1 or more")
    return given
