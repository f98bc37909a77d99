"""The command: a swarm of seeds, or one of them in words and shrunk."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from gossipfl.testing.transcript import Transcript
from swarming import plants
from swarming.arena import Outcome, run
from swarming.lottery import drawn
from swarming.shrink import shrunk
from swarming.swarm import Summary, outcomes, twice
from swarming.telling import in_short, told

SEEDS = 500
LAST_LINES = 40
"""Of a conversation, before what must not be."""

PROGRESS_EVERY = 100


def main(words: Sequence[str] | None = None) -> int:
    """Do what `words` ask for; 0 if all held, 1 if something did not, 2 for wrong use."""
    given = _arguments(words)
    return _replay(given) if given.seed is not None else _swarm(given)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/swarm",
        description="Run random worlds of peers under every fault, and check at every step what must hold.",
        epilog="Exit status: 0 if all held, 1 if something did not, 2 for wrong use.",
    )
    parser.add_argument("--seeds", type=int, metavar="N", help=f"how many worlds ({SEEDS})")
    parser.add_argument("--first", type=int, default=0, metavar="S", help="the first seed (0)")
    parser.add_argument("--minutes", type=float, metavar="M", help="until time is over")
    parser.add_argument("--seed", type=int, metavar="S", help="one world, in words, shrunk if it fails")
    parser.add_argument("--plant", choices=list(plants.PLANTS), help="with a bug put in, to see it found")
    parser.add_argument("--json", action="store_true", help="print lines of JSON")
    given = parser.parse_args(words)
    if given.seed is not None and (given.seeds is not None or given.minutes is not None or given.first):
        parser.error("--seed replays one world: leave out --seeds, --first and --minutes")
    if any(number is not None and number < 0 for number in (given.seed, given.first)):
        parser.error("seeds are 0 or more")
    if any(number is not None and number <= 0 for number in (given.seeds, given.minutes)):
        parser.error("--seeds and --minutes are above 0")
    return given


def _swarm(given: argparse.Namespace) -> int:
    seeds = given.seeds if given.seeds is not None else None if given.minutes is not None else SEEDS
    summary = Summary()
    for outcome in outcomes(given.first, seeds, given.minutes, given.plant):
        summary.add(outcome)
        if outcome.rule:
            _tell_failure(outcome, given)
        if summary.worlds % PROGRESS_EVERY == 0 or sys.stderr.isatty():
            _progress(summary, seeds)
    if given.json:
        print(json.dumps(summary.record()))
    else:
        print(summary.words())
    return 1 if summary.failed else 0


def _tell_failure(outcome: Outcome, given: argparse.Namespace) -> None:
    if given.json:
        print(
            json.dumps({"seed": outcome.seed, "rule": outcome.rule, "sentence": outcome.sentence}), flush=True
        )
    else:
        plant = f" --plant {given.plant}" if given.plant else ""
        print(f"seed {outcome.seed}: {outcome.rule}: {outcome.sentence}", flush=True)
        print(f"  {in_short(drawn(outcome.seed))}; scripts/swarm --seed {outcome.seed}{plant}", flush=True)


def _progress(summary: Summary, seeds: int | None) -> None:
    of = f" of {seeds:,}" if seeds else ""
    line = f"{summary.worlds:,}{of} worlds, {summary.events:,} events, {len(summary.failed)} failed"
    rate = f"{line}, {summary.worlds / max(summary.seconds, 1e-9):.1f} a second"
    end = "" if sys.stderr.isatty() else "\n"
    print(f"\r{rate:<78}" if not end else rate, end=end, file=sys.stderr, flush=True)


def _replay(given: argparse.Namespace) -> int:
    plants.put_in(given.plant)
    world = drawn(given.seed)
    outcome = twice(given.seed)
    if given.json:
        print(json.dumps(outcome._asdict()))
        return 1 if outcome.rule else 0
    print(told(world))
    if not outcome.rule:
        print(
            f"all held: {outcome.events:,} events, {sum(outcome.checks.values()):,} checks, {outcome.trace}"
        )
        return 0
    print(f"\n{outcome.rule}: {outcome.sentence}\n")
    smallest = shrunk(world, outcome.rule) if outcome.rule != "determinism" else world
    transcript = Transcript()
    again = run(smallest, transcript)
    print(f"the smallest world in which that is so:\n{told(smallest)}\n")
    print("\n".join(transcript.lines[-LAST_LINES:]))
    print(f"\n{again.rule or outcome.rule}: {again.sentence or outcome.sentence}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
