"""The mode `hostile`: attack real nodes in each of the ways, and print what came of it beside what must."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from robustness_runs.hostile import crowds, memory, replays, strangers
from robustness_runs.hostile.judging import (
    crowd_rows,
    memory_rows,
    replay_rows,
    sentence_rows,
    stranger_rows,
)
from robustness_runs.parts import Part, run_parts
from robustness_runs.processes import rows as processes
from robustness_runs.processes.rows import Row


def main(words: Sequence[str] | None = None) -> int:
    """Run what `words` ask for; 0 if every row passes, 1 if one fails."""
    return run_parts(
        "hostile",
        PARTS,
        words,
        does="Attack real nodes on this machine and print what comes of it beside what must.",
        needs="It takes some five minutes, and runs on Linux alone. Times are longer on a busy machine.",
    )


def _deaths(folder: Path) -> list[Row]:
    """Peers that are killed, and peers that stand still for 9 s and for 3 s."""
    return [*processes.killed(folder / "killed"), *processes.silent(folder / "silent")]


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


PARTS: dict[str, Part] = {
    "strangers": _strangers,
    "memory": _memory,
    "replays": _replays,
    "crowds": _crowds,
    "deaths": _deaths,
}
