"""The mode `byzantine`: every rule under every attack, over the cores, as a table beside what was listed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from gossipfl.learn.robust.catalogue import DEFAULT_RULE
from robustness_runs.grid import ATTACKS, FEW, LISTED, NOBODY, RULES, Cell, Judged, judge
from robustness_runs.page import SECTIONS, write_section

LEAST = {attack: 92.5 if attack == "sign-flip" else 95.0 for attack in ATTACKS if attack != NOBODY}
"""What the default rule must come to, in percent."""

EACH = "dissensus"
"""The attack that tells each neighbour something else."""

WORST_LEAST, COST_MAX, LOST_FEW_MAX = 88.0, 0.3, 1.0


def main(words: Sequence[str]) -> int:
    """Run what `words` ask for; 0 if the default rule passes, or is not run, and 1 if it fails."""
    given = _arguments(words)
    rules = [rule for rule in RULES if not given.rule or rule in given.rule]
    cells = [Cell(rule, attack, seed) for rule in rules for seed in range(given.seeds) for attack in ATTACKS]
    if DEFAULT_RULE in rules:
        cells += _few(given.seeds) + _shut_out(given.seeds)
    if given.rule and "mean" not in rules:
        cells += [Cell("mean", NOBODY, seed) for seed in range(given.seeds)]
    with ProcessPoolExecutor(given.processes) as pool:
        found: list[Judged] = []
        for number, one in enumerate(pool.map(judge, cells), 1):
            found.append(one)
            print(f"\r{number} of {len(cells)} runs", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    text, missed = told(rules, found)
    print(text)
    if missed:
        print("\nThe default misses: " + "; ".join(missed))
    if given.write:
        write_section(SECTIONS[1], _section(text, given.seeds))
    return 1 if missed else 0


def _few(seeds: int) -> list[Cell]:
    """The default rule, and the mean where nobody attacks, where data are alike and few attack."""
    each = [Cell("mean", NOBODY, seed, FEW, True) for seed in range(seeds)]
    return each + [Cell(DEFAULT_RULE, attack, seed, FEW, True) for seed in range(seeds) for attack in ATTACKS]


def _shut_out(seeds: int) -> list[Cell]:
    """The mean and the default rule where those who say different things are shut out."""
    each = [Cell(rule, EACH, 0, quarantine=True) for rule in ("mean", DEFAULT_RULE)]
    return [cell._replace(seed=seed) for cell in each for seed in range(seeds)]


def told(rules: Sequence[str], found: Sequence[Judged]) -> tuple[str, list[str]]:
    """The tables, and what the default rule misses."""
    lines = [f"| rule | f | cost | {' | '.join(ATTACKS)} |", "|---" * (len(ATTACKS) + 3) + "|"]
    lines += [_row(rule, found) for rule in rules]
    if DEFAULT_RULE not in rules:
        return "\n".join(lines), []
    lost = _lost_few(found)
    cells = [f"{lost[attack]:+.2f}" for attack in ATTACKS]
    words = f"Points that {DEFAULT_RULE} loses against the mean without attackers"
    lines += [
        "",
        f"{words} where data are alike and {FEW} of 20 attack:",
        "",
        f"| {' | '.join(ATTACKS)} |",
        "|---" * len(ATTACKS) + "|",
        f"| {' | '.join(cells)} |",
        "",
        quarantined(found),
    ]
    return "\n".join(lines), _missed(found, lost)


def quarantined(found: Sequence[Judged]) -> str:
    """What shutting out adds, in a sentence."""
    mean, default = (
        _summed([one for one in found if one.cell.quarantine and one.cell.rule == rule])
        for rule in ("mean", DEFAULT_RULE)
    )
    return (
        f"With `robust.quarantine`, those of {EACH} are proved to say different things, and shut out: the"
        f" mean comes to {mean[0]:.1f} ({mean[1]:.1f}), {DEFAULT_RULE} to {default[0]:.1f}"
        f" ({default[1]:.1f}). Whoever shuts one out fears one fewer of its other neighbours. The other"
        " attackers tell all the same, and nothing is proved."
    )


def _row(rule: str, found: Sequence[Judged]) -> str:
    cells = []
    for place, attack in enumerate(ATTACKS):
        mean, worst = _figures(found, rule, attack)
        listed = f" [{LISTED[rule][place]}]" if rule in LISTED else ""
        cells.append(f"{mean:.1f} ({worst:.1f}){listed}")
    cost = _figures(found, "mean", NOBODY)[0] - _figures(found, rule, NOBODY)[0]
    return f"| {rule} | {RULES[rule]} | {cost:.2f} | {' | '.join(cells)} |"


def _figures(found: Sequence[Judged], rule: str, attack: str, *, alike: bool = False) -> tuple[float, float]:
    """The mean over seeds, and the worst peer of all."""
    return _summed([one for one in found if one.cell._replace(seed=0) == _cell(rule, attack, alike)])


def _summed(those: Sequence[Judged]) -> tuple[float, float]:
    return float(np.mean([one.mean for one in those])), min(one.worst for one in those)


def _cell(rule: str, attack: str, alike: bool) -> Cell:
    return Cell(rule, attack, 0, FEW, True) if alike else Cell(rule, attack, 0)


def _lost_few(found: Sequence[Judged]) -> dict[str, float]:
    clean, _ = _figures(found, "mean", NOBODY, alike=True)
    return {attack: clean - _figures(found, DEFAULT_RULE, attack, alike=True)[0] for attack in ATTACKS}


def _missed(found: Sequence[Judged], lost: dict[str, float]) -> list[str]:
    missed = []
    for attack, least in LEAST.items():
        mean, worst = _figures(found, DEFAULT_RULE, attack)
        if mean < least:
            missed.append(f"{attack} {mean:.2f} < {least}")
        if worst < WORST_LEAST:
            missed.append(f"{attack}, worst peer {worst:.2f} < {WORST_LEAST}")
    cost = _figures(found, "mean", NOBODY)[0] - _figures(found, DEFAULT_RULE, NOBODY)[0]
    if cost > COST_MAX:
        missed.append(f"cost without attack {cost:.2f} > {COST_MAX}")
    missed += [
        f"{FEW} of 20, {attack}: {points:.2f} lost"
        for attack, points in lost.items()
        if points > LOST_FEW_MAX
    ]
    return missed


def _section(table: str, seeds: int) -> str:
    return f"""Four of the same 20 peers attack, drawn at random, and know what all others say. Accuracy of
the mean honest peer in percent over {seeds} seeds, in brackets the worst honest one of all seeds, and in
square brackets what a prototype measured once, whose attacks hurt the mean less. Rules judge alone:
`robust.quarantine` is false. f is how many attackers among its eight neighbours a peer is told to stand, and
the worst is of those who have no more, the mean of all; cost is what the rule loses against the plain mean
where nobody attacks, in points.

{table}

The default, `{DEFAULT_RULE}`, must come to 95.0 % under every attack (92.5 % under sign-flip), with no peer
below {WORST_LEAST:.0f} %, cost at most {COST_MAX} points, and lose at most {LOST_FEW_MAX:.1f} points to
{FEW} of 20. Its slack was chosen on seeds 0 and 1 of this very task.

`scripts/robustness byzantine --seeds {seeds} --write` wrote this section.
"""


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/robustness byzantine",
        description="Measure what attackers cost under each rule, beside what was listed.",
    )
    parser.add_argument("rule", nargs="*", metavar="RULE", help=f"of {', '.join(RULES)}")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each rule and attack")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many runs at once")
    parser.add_argument("--write", action="store_true", help="write its section of docs/robustness.md")
    given = parser.parse_args(words)
    for rule in given.rule:
        if rule not in RULES:
            parser.error(f"there is no rule {rule!r} in the grid; it has {', '.join(RULES)}")
    if given.write and given.rule:
        parser.error("the page tells of all rules: leave out RULE, or --write")
    return given
