"""The harm that is done to four organisations on four hosts, what must come of it, and what came.

The targets are those that the project has set itself; a figure is of the run that was just seen.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from robustness_runs.hosts.consortium import consortium
from robustness_runs.hosts.line import Line
from robustness_runs.hosts.trials import Ended, Missed, deafened, ended, parted, pulled
from robustness_runs.processes.rows import Row, at_most, exactly

ENDLESS = 100_000
HIDDEN = 4000
"""An update of a half megabyte, of which three take 12 s at 1 Mbit/s."""


def trained(folder: Path) -> list[Row]:
    """Nothing befalls them."""
    seen = _run(folder, rounds=40)
    return [
        exactly("well: organisations that finish", seen.finished, 4),
        at_most("well: errors", 100 - seen.accuracy, 5.0, "%"),
        exactly("well: updates missing", seen.missing, 0),
        exactly("well: audit logs that are broken", seen.broken, 0),
    ]


def cables(folder: Path) -> list[Row]:
    """The cable of one is pulled, halves are cut off from each other, and one does not hear another."""
    with consortium(folder, 4, _terms(ENDLESS), training_s=0.3) as all_:
        all_.hear_all()
        return [
            *_noticed("a cable pulled", pulled(all_)),
            *_noticed("two halves", parted(all_)),
            *_noticed("one deaf to another", deafened(all_)),
        ]


def lossy(folder: Path) -> list[Row]:
    """A tenth of all packets are lost, for some minutes."""
    seen = _run(folder, rounds=300, bad=Line(loss=1 - 0.9**0.5), training_s=0.3)
    return [
        exactly(f"10 % loss, {seen.seconds:.0f} s: organisations that finish", seen.finished, 4),
        exactly("10 % loss: given up before the end", seen.dead, 0),
    ]


def delayed(folder: Path) -> list[Row]:
    """Every packet takes 50 ± 10 ms."""
    near = _run(folder / "near", rounds=40)
    far = _run(folder / "far", rounds=40, bad=Line(delay_s=0.025, jitter_s=0.005))
    return [
        exactly("50 ms of delay: updates missing", far.missing, 0),
        at_most("50 ms of delay: accuracy lost", near.accuracy - far.accuracy, 0.0, "points"),
    ]


def throttled(folder: Path) -> list[Row]:
    """One has a line of 1 Mbit/s for updates of half a megabyte."""
    whole, slow = (
        _round_s(folder / name, throttled=rate) for name, rate in (("whole", ""), ("slow", "1mbit"))
    )
    return [at_most("1 Mbit/s at one: rounds of the others take", slow / whole, 1.2, "times as long")]


ROWS: dict[str, Callable[[Path], list[Row]]] = {
    "trained": trained,
    "cables": cables,
    "lossy": lossy,
    "delayed": delayed,
    "throttled": throttled,
}


def _noticed(harm: str, seen: Missed) -> list[Row]:
    return [
        at_most(f"{harm}: suspected after", seen.suspected_s, 3.5, "s"),
        at_most(f"{harm}: given up after", seen.dead_s, 5.5, "s"),
        at_most(f"{harm}: the longest round of those who go on", seen.round_s, 6.0, "s"),
        exactly(f"{harm}: others that are given up", seen.falsely, 0),
        at_most(f"{harm}: mended, all links are back after", seen.back_s, 5.0, "s"),
        at_most(f"{harm}: then who is behind is so by", seen.behind, 1, "rounds"),
    ]


def _terms(rounds: int) -> dict[str, dict[str, int]]:
    return {"node": {"wait_s": 600}, "learning": {"rounds": rounds}}


def _run(folder: Path, rounds: int, training_s: float = 0.1, bad: Line | None = None) -> Ended:
    with consortium(folder, 4, _terms(rounds), training_s=training_s, bad=bad) as all_:
        return ended(all_)


def _round_s(folder: Path, throttled: str) -> float:
    """How long rounds of all but the last of four organisations take on average, once they have begun."""
    rest = [0, 1, 2]
    large = {"model": {"kind": "mlp", "hidden": [HIDDEN]}}
    with consortium(folder, 4, _terms(ENDLESS) | large, training_s=1.0, throttled=throttled) as all_:
        all_.go_on(rest, rounds=5)
        since = time.time()
        all_.go_on(rest, rounds=40)
        return statistics.mean(r["duration_s"] for number in rest for r in all_.closed(number, since))
