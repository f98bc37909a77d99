"""The mode `faults`: all cases and seeds over the cores, against the same seeds without, as a table."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from robustness_runs.cases import CASES, ROUNDS, Case
from robustness_runs.page import SECTIONS, write_section
from robustness_runs.watching import Seen, watch

NO_FAULT = Case("no fault", 0.0)
DEADLINE_S = 3.0
"""A second of training, and two of patience, the least there is."""

LONGER_MAX, RECONNECT_S, GAP_MAX, REJOIN_MAX = 1.2, 5.0, 0.1, 2
_HEAD = (
    "| fault | points lost | at most | survivors unfinished | longest round | time | reconnected | gap "
    "| rejoined in rounds | |\n|---|---|---|---|---|---|---|---|---|---|\n"
)


def main(words: Sequence[str] | None = None) -> int:
    """Run what `words` ask for; 0 if every case passes, 1 if one fails."""
    given = _arguments(words)
    seeds = 3 if given.quick else given.seeds
    cases = [case for case in CASES if not given.row or any(row in case.name for row in given.row)]
    wanted = [(case.name, seed) for seed in range(seeds) for case in (NO_FAULT, *cases)]
    with ProcessPoolExecutor(given.processes) as pool:
        seen: list[Seen] = []
        for number, one in enumerate(pool.map(_run, wanted), 1):
            seen.append(one)
            print(f"\r{number} of {len(wanted)} runs", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    rows = [_row(case, seen) for case in cases]
    table = _HEAD + "\n".join(words for words, _ in rows)
    clean = np.mean([one.accuracy for one in seen if one.case == NO_FAULT.name])
    print(f"{seeds} seeds, {clean:.2f} % without faults\n\n{table}")
    if given.write:
        write_section(SECTIONS[0], _page(table, seeds, float(clean)))
    return 0 if all(passed for _, passed in rows) else 1


def _run(wanted: tuple[str, int]) -> Seen:
    name, seed = wanted
    return watch(next(case for case in (NO_FAULT, *CASES) if case.name == name), seed)


def _row(case: Case, seen: Iterable[Seen]) -> tuple[str, bool]:
    """The line of one case, and whether it passes."""
    seen = list(seen)
    clean = {one.seed: one for one in seen if one.case == NO_FAULT.name}
    own = [one for one in seen if one.case == case.name]
    lost = float(np.mean([clean[one.seed].accuracy - one.accuracy for one in own]))
    unfinished = sum(one.unfinished for one in own)
    longest_s = max(one.longest_s for one in own)
    longer = max(one.ended_s / clean[one.seed].ended_s for one in own)
    reconnected_s = max((one.reconnected_s for one in own if one.reconnected_s is not None), default=None)
    gap = max((one.gap for one in own if one.gap is not None), default=None)
    rejoined = max((one.rejoined for one in own if one.rejoined is not None), default=None)
    passed = (
        lost <= case.points_max
        and not unfinished
        and (longest_s <= 2 * DEADLINE_S or not case.prompt)
        and (longer <= LONGER_MAX or not case.on_time)
        and (reconnected_s is None or reconnected_s <= RECONNECT_S)
        and (gap is None or gap < GAP_MAX)
        and (rejoined is None or rejoined <= REJOIN_MAX)
    )
    cells = (
        case.name,
        f"{lost:+.2f}",
        f"{case.points_max:.1f}",
        str(unfinished),
        f"{longest_s:.1f} s",
        f"{longer:.2f} times",
        "" if reconnected_s is None else f"{reconnected_s:.2f} s",
        "" if gap is None else f"{gap:.1%}",
        "" if rejoined is None else str(rejoined),
        "pass" if passed else "FAIL",
    )
    return f"| {' | '.join(cells)} |", passed


def _page(table: str, seeds: int, clean: float) -> str:
    return f"""Handwritten digits, dealt out unevenly (Dirichlet, alpha 1) to 20 peers in a random graph of
degree 8; an MLP of 64 hidden units, {ROUNDS} rounds of 5 steps, in virtual time. Each fault is compared with
the same {seeds} seeds without it, which come to {clean:.2f} % on average. Points lost are the mean over
seeds, everything else is the worst of them.

{table}

Where peers are killed, no round may last longer than twice its deadline of {DEADLINE_S:.0f} s. Where a peer
is slow, silent or gone, and where messages are only late, the others must finish within {LONGER_MAX} times
the time. After a cut has healed, every link must carry something within {RECONNECT_S:.0f} s, and three rounds
later the mean models of both sides must be less than {GAP_MAX:.0%} apart. Who comes back must be heard within
{REJOIN_MAX} rounds.

Where half of a peer's neighbours are ahead and half are not, as in a ring of which parts ran on alone, it
joins neither: parts may stay some rounds apart, and hear each other all the same.

`scripts/robustness faults --seeds {seeds} --write` wrote this section.
"""


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/robustness faults",
        description="Measure in virtual time what faults cost, and whether that is little enough.",
        epilog="With the first word byzantine: what attackers cost under each rule; see byzantine --help.",
    )
    parser.add_argument("row", nargs="*", metavar="ROW", help="a part of a fault's name, such as churn")
    parser.add_argument("--seeds", type=int, default=100, help="runs of each fault")
    parser.add_argument("--quick", action="store_true", help="three seeds")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many runs at once")
    parser.add_argument("--write", action="store_true", help="write its section of docs/robustness.md")
    return parser.parse_args(words)
