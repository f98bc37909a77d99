"""The command: measure in turn, again and again, and print what came of it."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.catalogue import WORKLOADS, Workload
from benchmarks.records import Figures, read
from benchmarks.tables import report
from benchmarks.trees import Tree, checked_out, here, known_commit

REPEATS = 3
QUICK_S = 50.0
"""No repeat of the quick part begins that would probably end later."""

Job = tuple[Workload, int]


def main(words: Sequence[str] | None = None) -> int:
    """Do what `words` ask for; 0 if nothing failed, 1 if something did, 2 for wrong use."""
    given = arguments(words)
    records = given.read if given.read is not None else _measure(given)
    if isinstance(given.against, list):
        records = records + [record | {"tree": "there"} for record in given.against]
    print(report(records))
    return 1 if any("failed" in record for record in records) else 0


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """What `words` ask for, workloads for names and records for files; ends with 2 for wrong use."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure what gossipfl costs on this machine; print Markdown.",
        epilog=f"Workloads: {', '.join(WORKLOADS)}. A word stands for all that begin with it.",
    )
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="which; all but the longest if none")
    parser.add_argument("--quick", action="store_true", help="what shows a regression within a minute")
    parser.add_argument("--peers", type=int, action="append", help="at this size instead; repeatable")
    parser.add_argument("--repeats", type=int, help=f"how often ({REPEATS})")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write measurements, as lines of JSON")
    parser.add_argument(
        "--read", action="append", metavar="FILE", help="measure nothing: show what --out wrote; repeatable"
    )
    parser.add_argument(
        "--against", metavar="COMMIT or FILE", help="compare with one, or with what --out wrote"
    )
    given = parser.parse_args(words)
    given.workloads = [workload for word in given.workloads for workload in _named(word, parser)]
    if any(count is not None and count < 1 for count in (*(given.peers or []), given.repeats)):
        parser.error("--peers and --repeats are counts: give 1 or more")
    if given.out and not given.out.parent.is_dir():
        parser.error(f"there is no folder {str(given.out.parent)!r} for --out; make it, or name another")
    if given.read:
        given.read = [record for file in given.read for record in _read(file, parser)]
    if given.against and not known_commit(given.against):
        given.against = _read(given.against, parser)
    return given


def _named(word: str, parser: argparse.ArgumentParser) -> list[Workload]:
    """The workload called `word`, or all that begin with it."""
    if word in WORKLOADS:
        return [WORKLOADS[word]]
    if found := [workload for name, workload in WORKLOADS.items() if name.startswith(f"{word}-")]:
        return found
    near = difflib.get_close_matches(word, WORKLOADS, n=1, cutoff=0.0)[0]
    return parser.error(f"there is no workload {word!r}; did you mean {near!r}? --help names all")


def _read(file: str, parser: argparse.ArgumentParser) -> list[Figures]:
    """What a run of this command measured of its own checkout."""
    try:
        return [record for record in read(Path(file)) if record["tree"] == "here"]
    except OSError:
        return parser.error(f"{file!r} is neither a commit nor a file that can be read")
    except ValueError:
        return parser.error(f"{file!r} holds no measurements; name a file that --out wrote")


def _measure(given: argparse.Namespace) -> list[Figures]:
    """Measure what is asked for, and write it where `--out` says."""
    records = []
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(given.out.open("w", encoding="utf-8")) if given.out else None
        trees = [here()]
        if isinstance(given.against, str):
            trees.append(stack.enter_context(checked_out(given.against)))
        for record in _in_turn(jobs(given), trees, given):
            records.append(record)
            if out:
                out.write(json.dumps(record) + "\n")
                out.flush()
    _progress("")
    return records


def jobs(given: argparse.Namespace) -> list[Job]:
    """Workloads and sizes, small sizes first, so that what is compared is measured one after the other."""
    asked = given.workloads or [workload for workload in WORKLOADS.values() if not workload.asked]
    found = []
    for workload in asked:
        sizes = workload.sizes
        if given.quick:
            sizes = workload.quick or (sizes[:1] if given.workloads else ())
        if given.peers and workload.sizes != (0,):
            sizes = tuple(given.peers) if sizes else ()
        found += [(workload, peers) for peers in sizes]
    return sorted(found, key=lambda job: job[1])


def _in_turn(jobs: list[Job], trees: list[Tree], given: argparse.Namespace) -> Iterator[Figures]:
    """Every job in every tree, again and again; which tree comes first changes with each repeat."""
    began = time.perf_counter()
    repeats = given.repeats or REPEATS
    for repeat in range(repeats):
        passed_s = time.perf_counter() - began
        if given.quick and repeat and passed_s * (repeat + 1) / repeat > QUICK_S:
            return
        for number, (workload, peers) in enumerate(jobs, 1):
            for tree in trees if repeat % 2 == 0 else reversed(trees):
                _progress(
                    f"{repeat + 1} of {repeats}: {number} of {len(jobs)}: {workload.name} {peers or ''}"
                )
                yield {"repeat": repeat, **tree.measure(workload, peers)}


def _progress(words: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{words:<78.78}\r", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
