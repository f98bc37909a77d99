"""The command: mutated frames, targets explored by coverage, or one input again."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fuzzing import guided
from fuzzing.campaign import Failure, Summary, batches
from fuzzing.targets import TARGETS

COUNT = 100_000
MINUTES = 10.0


def main(words: Sequence[str] | None = None) -> int:
    """Do what `words` ask for; 0 if all held, 1 if something did not, 2 for wrong use."""
    given = _arguments(words)
    return {"frames": _frames, "targets": _targets, "replay": _replay}[given.verb](given)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz",
        description="Give every reader of what comes from outside bytes that it must not stumble over.",
        epilog="Exit status: 0 if all held, 1 if something did not, 2 for wrong use.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    frames = verbs.add_parser("frames", help="mutated streams of frames, through the parser and a session")
    frames.add_argument("--count", type=int, default=COUNT, metavar="N", help=f"how many ({COUNT:,})")
    frames.add_argument("--first", type=int, default=0, metavar="I", help="the first case (0)")
    frames.add_argument("--seed", type=int, default=0, metavar="S", help="another seed, other streams (0)")
    targets = verbs.add_parser("targets", help="explore targets, guided by the code that they reach")
    targets.add_argument("--minutes", type=float, default=MINUTES, metavar="M", help="of a processor, in all")
    targets.add_argument("--keep", action="store_true", help="add what reaches more to tests/fuzz/corpus")
    targets.add_argument("target", nargs="*", metavar="TARGET", help=f"all, or of: {', '.join(TARGETS)}")
    replay = verbs.add_parser("replay", help="one input once more, with what comes of it")
    replay.add_argument("target", metavar="TARGET")
    replay.add_argument("input", metavar="INPUT", help="a file, or bytes in hex")
    for verb in (frames, targets, replay):
        verb.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(words)
    _refuse(parser, given)
    return given


def _refuse(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    if given.verb == "frames" and (given.count <= 0 or given.first < 0 or given.seed < 0):
        parser.error("--count is above 0, --first and --seed are 0 or more")
    if given.verb == "targets" and not given.minutes > 0:
        parser.error("--minutes is above 0")
    wanted = [given.target] if given.verb == "replay" else given.target if given.verb == "targets" else []
    if unknown := [name for name in wanted if name not in TARGETS]:
        parser.error(f"there is no target {unknown[0]!r}: known are {', '.join(TARGETS)}")
    if given.verb == "targets" and not guided.is_there():
        parser.error(guided.HOW_TO_GET_IT)


def _frames(given: argparse.Namespace) -> int:
    summary = Summary()
    for done in batches(given.count, given.first, given.seed):
        summary.add(done)
        for failure in done.failures if not given.json else ():
            _tell(failure)
        if sys.stderr.isatty():
            _progress(summary, given.count)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(json.dumps(summary.record()) if given.json else summary.words())
    return 1 if summary.outcomes["failed"] else 0


def _tell(failure: Failure) -> None:
    print(f"case {failure.case}: {failure.error}", flush=True)
    print(f"  scripts/fuzz replay stream {failure.data.hex()}", flush=True)


def _progress(summary: Summary, count: int) -> None:
    share = summary.streams / count
    bar = "#" * round(30 * share)
    rate = summary.streams / max(summary.seconds, 1e-9)
    words = f"[{bar:<30}] {share:4.0%}  {rate:,.0f} a second, {summary.outcomes['failed']} failed"
    print(f"\r{words:<78}", end="", file=sys.stderr, flush=True)


def _targets(given: argparse.Namespace) -> int:
    names = given.target or list(TARGETS)
    seconds = 60 * given.minutes / len(names)
    processes = min(len(names), len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    crashes = 0
    with ThreadPoolExecutor(processes) as pool:
        for found in pool.map(lambda name: guided.explored(name, seconds), names):
            crashes += len(found.crashes)
            added = guided.keep(found.target) if given.keep else 0
            _report(found, added, given)
    return 1 if crashes else 0


def _report(found: guided.Explored, added: int, given: argparse.Namespace) -> None:
    if given.json:
        facts = found._asdict() | {"crashes": list(map(str, found.crashes)), "kept": added}
        print(json.dumps(facts), flush=True)
        return
    kept = f", {added} kept" if given.keep else ""
    print(
        f"{found.target}: {found.executions:,} executions in {found.cpu_s:.0f} s of a processor, "
        f"{found.edges:,} edges, {found.inputs:,} inputs{kept}, {len(found.crashes)} crashes",
        flush=True,
    )
    if not found.executions or found.crashes:
        print(found.last_words, flush=True)
    for path in found.crashes:
        print(f"  scripts/fuzz replay {found.target} {path}", flush=True)


def _replay(given: argparse.Namespace) -> int:
    path = Path(given.input)
    try:
        data = path.read_bytes() if len(given.input) < 4096 and path.is_file() else bytes.fromhex(given.input)
    except ValueError:
        print(f"Give a file or bytes in hex instead of {given.input[:80]!r}.", file=sys.stderr)
        return 2
    try:
        outcome, failed = TARGETS[given.target].read(data), False
    except Exception:  # whatever it is, it is what we look for
        outcome, failed = traceback.format_exc(), True
    print(
        json.dumps({"target": given.target, "failed": failed, "outcome": outcome}) if given.json else outcome
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
