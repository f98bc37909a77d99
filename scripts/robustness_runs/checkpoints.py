"""The mode `checkpoints`: kill whoever writes checkpoints, as often as asked, and read what is left.

Rules:
- The writer says which round is kept only once it is; from then on a kill must not lose it.
- It is killed in the midst of writing as often as not: it does nothing else.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from gossipfl.node.checkpoint import Terms
from gossipfl.node.durable import write_durably
from gossipfl.node.state import StateFolder, Write
from gossipfl.protocol.identity import Identity
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.manifest import Manifest
from gossipfl.protocol.memory import Memory
from robustness_runs.processes.rows import Row, exactly, told

VALUES = 5_000  # an MLP on digits
LIVES_S = 0.02
"""A writer lives up to so long, in which it writes some checkpoints."""

_ROUND_BYTES = 8


@dataclass
class Tally:
    """What was found after so many kills."""

    kills: int = 0
    kept: int = 0  # checkpoints that were said to be
    spoilt: int = 0  # that could not be read
    forgotten: int = 0  # rounds said to be kept that were not there
    torn: int = 0  # kills that left a half-written file, which nobody reads


def main(words: Sequence[str] | None = None) -> int:
    """Run what `words` ask for; 0 if every row passes, 1 if one fails, 2 where no process can fork."""
    given = _arguments(words)
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as folder:
        tally = killed_again_and_again(Path(folder), given.kills, given.seed)
    return told(judged(tally), as_json=given.json)


def killed_again_and_again(folder: Path, kills: int, seed: int, write: Write = write_durably) -> Tally:
    """Have processes write in `folder` by `write`, one after the other, and kill each."""
    chance, tally = random.Random(seed), Tally()  # noqa: S311  moments, no secrets
    said = 0
    for _ in range(kills):
        said = max(said, _life(folder, write, chance.uniform(0.0, LIVES_S), tally))
        tally.kills += 1
        tally.torn += any(folder.glob("*.part"))
        recalled = StateFolder(folder).recall(TERMS)
        tally.spoilt += len(recalled.complaints)
        tally.forgotten += max(0, said - (recalled.memory.round if recalled.memory else 0))
    return tally


def judged(tally: Tally) -> list[Row]:
    """What was found, beside what must be."""
    return [
        exactly(f"of {tally.kills} kills, {tally.torn} in a write, checkpoints spoilt", tally.spoilt, 0),
        exactly(f"of {tally.kept} rounds kept, forgotten", tally.forgotten, 0),
    ]


def _life(folder: Path, write: Write, lives_s: float, tally: Tally) -> int:
    """One process that writes until it is killed; returns the last round that it said was kept."""
    heard, says = os.pipe()
    if not (pid := os.fork()):
        os.close(heard)
        _write_for_ever(folder, write, says)
    os.close(says)
    with open(heard, "rb") as words:
        if first := words.read(_ROUND_BYTES):  # it is under way
            time.sleep(lives_s)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        rounds = first + words.read()
    if not os.WIFSIGNALED(status):
        raise RuntimeError("The writer ended by itself: its words stand above.")
    whole = len(rounds) // _ROUND_BYTES
    tally.kept += whole
    return int.from_bytes(rounds[(whole - 1) * _ROUND_BYTES : whole * _ROUND_BYTES], "big") if whole else 0


def _write_for_ever(folder: Path, write: Write, says: int) -> NoReturn:
    """The life of a writer, which goes on from what it finds."""
    try:
        state = StateFolder(folder, write)
        memory = state.recall(TERMS).memory or memory_of(0)
        state.begin()
        while (complaint := state.keep(memory := memory_of(memory.round + 1), TERMS)) is None:
            os.write(says, memory.round.to_bytes(_ROUND_BYTES, "big"))
        print(complaint, file=sys.stderr)
    finally:
        os._exit(1)  # never back into the process that forked


def memory_of(round_: int) -> Memory:
    """What is remembered of `round_`."""
    return Memory(round_, (np.full(VALUES, round_, np.float32),), {})


def _terms() -> Terms:
    layout = layout_of(memory_of(0).state)
    return Terms(Identity(bytes(32)).key, Manifest.of("kills", 1, layout).digests, layout, layout)


TERMS = _terms()


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/robustness checkpoints",
        description="Kill processes in the midst of writing checkpoints, and read what is left each time.",
    )
    parser.add_argument("--kills", type=int, default=10_000, help="how often")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(words)
    if given.kills < 1:
        parser.error("--kills must be 1 or more")
    if not hasattr(os, "fork"):
        parser.error("this system has no fork: run it on Linux or macOS")
    return given
