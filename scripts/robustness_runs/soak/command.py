"""The mode `soak`: real processes for an hour, a harm each minute, and whether anything grew."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

from robustness_runs.processes.rows import Row, at_most, exactly, told
from robustness_runs.restarts.audit import Audit
from robustness_runs.soak.growth import Sample, memory_mib_per_h, risen, settled
from robustness_runs.soak.plot import draw
from robustness_runs.soak.running import Soaked, soak

MEMORY_MIB_PER_H_MAX = 1.0
RISEN_MAX = 1.0


def main(words: Sequence[str] | None = None) -> int:
    """Run what `words` ask for; 0 if every row passes, 1 if one fails."""
    given = _arguments(words)
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as folder:
        soaked = soak(
            Path(folder),
            given.nodes,
            given.minutes,
            given.every,
            given.seed,
            lambda words: print(f"\r{words}", end="", file=sys.stderr, flush=True),
        )
    print(file=sys.stderr)
    draw(soaked, given.out / "soak.png")
    facts = [asdict(each) for each in (*soaked.harms, *soaked.samples)]
    (given.out / "soak.jsonl").write_text("".join(json.dumps(each) + "\n" for each in facts), "utf-8")
    print(f"{given.out / 'soak.png'} shows it over time.", file=sys.stderr)
    return told(judged(soaked), as_json=given.json)


def judged(soaked: Soaked) -> list[Row]:
    """What was seen, beside what must be."""
    audits = [Audit(records) for records in soaked.records]
    lived = [[s for s in soaked.samples if s.peer == peer] for peer in range(soaked.mortal)]
    rounds = sum(len(audit.rounds) for audit in audits)
    applied = sum(audit.applied for audit in audits)
    return [
        at_most(
            f"memory of {len(lived)} nodes that lived throughout grew, at most by",
            max(map(memory_mib_per_h, lived)),
            MEMORY_MIB_PER_H_MAX,
            "MiB/h",
        ),
        at_most("descriptors rose, at most by", _risen(lived, "descriptors"), RISEN_MAX, "files"),
        at_most("tasks rose, at most by", _risen(lived, "tasks"), RISEN_MAX, "tasks"),
        exactly(f"of {applied} updates applied, twice", sum(len(a.used_twice) for a in audits), 0),
        exactly(f"of {rounds} rounds, closed twice or after a later one", sum(map(_back, audits)), 0),
        exactly("peers taken for liars", sum(a.quarantined for a in audits), 0),
        exactly(f"after {len(soaked.harms)} harms, all go on", soaked.calm_rounds > 0, True),
    ]


def _back(audit: Audit) -> int:
    """How often its round went back; whoever was away may leap to where the others are."""
    return sum(after <= before for before, after in pairwise(audit.rounds))


def _risen(lived: Sequence[Sequence[Sample]], what: str) -> float:
    return max(risen([getattr(sample, what) for sample in settled(own)]) for own in lived)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/robustness soak",
        description="Run real processes for long, do harm each minute, and see whether anything grows.",
        epilog="Harm: killed and started again, left and back, paused, one or half of all cut off, strangers "
        "at every door. The first half of the nodes is never killed. It needs Linux.",
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="how long")
    parser.add_argument("--nodes", type=int, default=16, help="how many")
    parser.add_argument("--every", type=float, default=60.0, metavar="SECONDS", help="between two harms")
    parser.add_argument("--seed", type=int, default=0, help="of the harm, and of the run")
    parser.add_argument("--out", type=Path, default=Path(), help="where soak.png and soak.jsonl go")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(words)
    if given.nodes < 8 or given.minutes < 3:
        parser.error("--nodes must be 8 or more, and --minutes 3 or more")
    return given
