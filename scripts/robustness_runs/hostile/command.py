"""The mode `hostile`: attack real nodes in each of the ways, and print what came of it beside what must."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from robustness_runs.hostile import crowds, memory, replays, strangers
from robustness_runs.hostile.judging import (
    crowd_rows,
    memory_rows,
    replay_rows,
    sentence_rows,
    stranger_rows,
)
from robustness_runs.processes import rows as processes
from robustness_runs.processes.rows import Row, Runs, told


def main(words: Sequence[str] | None = None) -> int:
    """Run what `words` ask for; 0 if every row passes, 1 if one fails."""
    given = _arguments(words)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as folder:
        for name in given.part or PARTS:
            print(f"{name}: {PARTS[name].__doc__}", file=sys.stderr, flush=True)
            rows += PARTS[name](Path(folder, name))
    return told(rows, as_json=given.json)


def _deaths(folder: Path) -> list[Row]:
    """Peers that are killed, and peers that stand still for 9 s and for 3 s."""
    folder.mkdir()
    runs = Runs(folder)
    return [*processes.killed(runs), *processes.silent(runs)]


def _crowds(folder: Path) -> list[Row]:
    """A crowd that stands at a node's door."""
    return crowd_rows(crowds.besieged(folder))


def _memory(folder: Path) -> list[Row]:
    """What hostile connections cost in memory."""
    return memory_rows(memory.weighed(folder))


def _strangers(folder: Path) -> list[Row]:
    """Whoever does not hold a listed key."""
    return stranger_rows(strangers.met(folder))


def _replays(folder: Path) -> list[Row]:
    """What was said is said again, and who breaks rules is shut out."""
    said, sentence = replays.replayed(folder)
    return [*replay_rows(said), *sentence_rows(sentence)]


PARTS: dict[str, Callable[[Path], list[Row]]] = {
    "strangers": _strangers,
    "memory": _memory,
    "replays": _replays,
    "crowds": _crowds,
    "deaths": _deaths,
}


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/robustness hostile",
        description="Attack real nodes on this machine and print what comes of it beside what must.",
        epilog="It takes some five minutes, and runs on Linux alone. Times are longer on a busy machine.",
    )
    parser.add_argument("part", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; else all")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(words)
    for name in given.part:
        if name not in PARTS:
            parser.error(f"there is no part {name!r}; known are {', '.join(PARTS)}")
    return given
