"""The harm that is done to eight processes, what must come of it, and what came.

The targets are those that the project has set itself; a figure is of the run that was just seen.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gossipfl.cli.foresee import Foreseen
from gossipfl.cli.slowness import Phase, environment
from gossipfl.protocol.patience import FLOOR_S
from gossipfl.simulator.faults.plans import Fault, Kill, Partition, Pause
from robustness_runs.processes.seen import Seen, look

PEERS = range(8)
HALVES = (tuple(range(4)), tuple(range(4, 8)))
EXPERIMENT = """
[topology]
kind = "k-regular"
peers = 8
degree = 4
[data]
dataset = "digits"
split = "dirichlet"
alpha = 1.0
[model]
kind = "mlp"
[learning]
steps = 5
batch = 32
learning_rate = 0.5
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its target."""

    name: str
    measured: str
    target: str
    passed: bool


def at_most(name: str, measured: float, most: float, unit: str) -> Row:
    """A row that passes where `measured` is not over `most`."""
    return Row(name, f"{measured:.2f} {unit}", f"<= {most:.3g} {unit}", measured <= most)


def exactly(name: str, measured: object, wanted: object) -> Row:
    """A row that passes where `measured` is what is `wanted`."""
    return Row(name, str(measured), str(wanted), measured == wanted)


def told(rows: Sequence[Row], *, as_json: bool) -> int:
    """Print all `rows`; returns 0 if every one passed, and 1 if one failed."""
    passed = all(row.passed for row in rows)
    if as_json:
        print(json.dumps({"passed": passed, "rows": [asdict(row) for row in rows]}, indent=2))
    else:
        print(table(rows))
    return 0 if passed else 1


def table(rows: Sequence[Row]) -> str:
    """All `rows`, one a line."""
    wide = max(len(row.name) for row in rows)
    middle = max(len(row.measured) for row in rows)
    lines = (
        f"{'ok  ' if row.passed else 'FAIL'} {row.name:{wide}}  {row.measured:>{middle}}  {row.target}"
        for row in rows
    )
    return "\n".join(lines)


class Runs:
    """Runs of the experiment under `folder`, which is made, each in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._file = folder / "eight.toml"
        self._file.write_text(EXPERIMENT, encoding="utf-8")

    def look(
        self,
        name: str,
        rounds: int,
        training_s: float,
        *faults: Fault,
        slow: dict[int, float] | None = None,
    ) -> Seen:
        """The run called `name`, in which training takes so long and the `faults` happen."""
        told = {
            peer: environment([Phase(slow[peer])] if slow and peer in slow else [], training_s)
            for peer in PEERS
        }
        foreseen = Foreseen(faults, environments=told)
        return look(str(self._file), [f"learning.rounds={rounds}"], self._folder / name, foreseen)


def killed(folder: Path) -> list[Row]:
    """SIGKILL, two of eight at round 15."""
    runs = Runs(folder)
    dead = (2, 5)
    seen = runs.look("killed", 30, 0.1, *(Kill(peer, 15) for peer in dead))
    rest = [peer for peer in PEERS if peer not in dead]
    noticed_s = [
        late
        for peer in dead
        for late in seen.noticed_s("left", peer, seen.when("killed", peer=peer)).values()
    ]
    durations_s = [r["duration_s"] for r in seen.of("round") if r["peer"] in rest]
    deadline_s = statistics.median(durations_s) + FLOOR_S
    return [
        at_most("killed: their neighbours know it after", max(noticed_s), 0.5, "s"),
        exactly("killed: survivors that finish", seen.summary["finished"], len(rest)),
        at_most("killed: the longest round of a survivor", max(durations_s), 2 * deadline_s, "s"),
    ]


def partitioned(folder: Path) -> list[Row]:
    """Halves cut off from each other in the rounds 10 to 40."""
    runs = Runs(folder)
    whole = runs.look("whole", 80, 0.2)
    seen = runs.look("partitioned", 80, 0.2, Partition("halves", 10, 40))
    cut_at, healed_at = seen.when("partitioned"), seen.when("healed")
    back = [r["time_s"] - healed_at for r in seen.of("link", state="joined") if r["time_s"] >= healed_at]
    suspected = [r["time_s"] - cut_at for r in seen.of("link", state="suspected") if r["time_s"] >= cut_at]
    left = [r["time_s"] - cut_at for r in seen.of("link", state="left") if cut_at <= r["time_s"] <= healed_at]
    joined_at = healed_at + max(back)
    first = min(r["round"] for r in seen.of("round") if r["time_s"] >= joined_at)
    gaps = {round: seen.gap(*HALVES, round) for round in range(1, 81)}
    apart = max(gap for gap in gaps.values() if gap is not None)
    narrow = min(r for r, gap in gaps.items() if r >= first and gap is not None and gap < 0.1 * apart)
    lost = 100 * (whole.summary["accuracy_mean"] - seen.summary["accuracy_mean"])
    return [
        at_most("partition: whoever is cut off is suspected after", max(suspected), 3.5, "s"),
        at_most("partition: and given up after", max(left), 5.5, "s"),
        at_most("partition: all links are back after healing in", max(back), 5.0, "s"),
        at_most(
            f"partition: from {apart:.0%} apart to a tenth of it, once back, in",
            narrow - first + 1,
            3,
            "rounds",
        ),
        at_most("partition: accuracy lost", lost, 0.5, "points"),
    ]


def silent(folder: Path) -> list[Row]:
    """One peer stopped for 9 s and one for 3 s, by SIGSTOP."""
    runs = Runs(folder)
    long, short = 2, 6
    stops = (Pause(long, 5, 9.0), Pause(short, 5, 3.0))
    seen = runs.look("silent", 120, 0.1, *stops)
    since = {peer: seen.when("paused", peer=peer) for peer in (long, short)}
    on = {peer: seen.when("continued", peer=peer) for peer in (long, short)}
    suspected = {peer: seen.noticed_s("suspected", peer, since[peer], on[peer] + 1.0) for peer in on}
    both = [*suspected[long].values(), *suspected[short].values()]
    dead = seen.noticed_s("left", long, since[long], on[long])
    back = seen.noticed_s("joined", long, on[long])
    ends = min(r["time_s"] for r in seen.of("round", round=120))
    false = seen.noticed_s("left", short, since[short], ends)
    return [
        exactly(
            "silence: neighbours that suspect the two", (len(suspected[long]), len(suspected[short])), (4, 4)
        ),
        at_most("silence: suspected after", max(both), 3.5, "s"),
        exactly("silence: neighbours that give up the one stopped for 9 s", len(dead), 4),
        at_most("silence: given up after", max(dead.values()), 5.5, "s"),
        exactly("silence: neighbours that give up the one stopped for 3 s", len(false), 0),
        at_most("silence: back after it goes on in", max(back.values()), 5.0, "s"),
    ]


def slow(folder: Path) -> list[Row]:
    """One peer 20 times slower, one stopped for 20 s, one gone for good."""
    return _uneven(Runs(folder), "slow, silent and gone", rounds=80, training_s=0.5, silent_s=20.0)


def hospital(folder: Path) -> list[Row]:
    """One of eight 20 times slower, one silent for 6 minutes, one gone for good: a quarter of an hour."""
    return _uneven(Runs(folder), "hospitals", rounds=170, training_s=2.5, silent_s=360.0)


def _uneven(runs: Runs, name: str, rounds: int, training_s: float, silent_s: float) -> list[Row]:
    """Peer 0 is 20 times slower, 1 is silent from round 7 on, and 2 gone from round 12 on."""
    harm = (Pause(1, 7, silent_s), Kill(2, 12))
    whole = runs.look(f"{name}, spared", rounds, training_s)
    seen = runs.look(name, rounds, training_s, *harm, slow={0: 20.0})
    rest = [peer for peer in PEERS if peer > 2]
    times = seen.ended_s(rest) / whole.ended_s(rest)
    done = sum(max(r["round"] for r in seen.of("round", peer=peer)) == rounds for peer in rest)
    return [
        at_most(f"{name}: survivors need", times, 1.2, "times the time without"),
        exactly(f"{name}: survivors that finish", done, len(rest)),
        exactly(f"{name}: all that finish", seen.summary["finished"], len(PEERS) - 1),
    ]


ROWS: dict[str, Callable[[Path], list[Row]]] = {
    "killed": killed,
    "partitioned": partitioned,
    "silent": silent,
    "slow": slow,
    "hospital": hospital,
}
