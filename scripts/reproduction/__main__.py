"""The command: plan the runs, do them in two processes, print what came of them, write page and figures."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from environment import ROOT

from gossipfl.report.run import to_json
from reproduction import page
from reproduction.catalogue import REPRODUCTIONS
from reproduction.datasets import NAMES
from reproduction.outcome import Reproduction, Setting, Work, timed

PROCESSES = 2
Plan = dict[str, list[Work]]


def main(words: Sequence[str] | None = None) -> int:
    """Run what `words` ask for; 0 if every row passes, 1 if one fails, 2 for wrong use."""
    given = _arguments(words)
    setting = Setting(given.quick, given.data_dir)
    wanted = _wanted(given, setting)
    plan = {each.name: each.plan(setting) for each in wanted}
    results, seconds = _do(plan)
    chapters = [page.Chapter(each, each.concluded(results[each.name]), seconds[each.name]) for each in wanted]
    _write(chapters, setting, given.out, alone=not given.only)
    record = page.record(chapters, setting)
    print(to_json(record, indent=2) if given.json else page.text(chapters, setting))
    return 0 if record["passed"] else 1


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    names = [each.name for each in REPRODUCTIONS]
    parser = argparse.ArgumentParser(
        prog="scripts/reproduce",
        description="Repeat the laws and figures that gossipfl claims; measured is printed beside expected.",
        epilog="Exit status: 0 if all pass, 1 if something fails, 2 for wrong use.",
    )
    parser.add_argument("--quick", action="store_true", help="what takes seconds and needs no files")
    parser.add_argument("--only", action="append", metavar="NAME", help=f"of {', '.join(names)}; repeatable")
    parser.add_argument("--data-dir", type=Path, help=f"the folder of {', '.join(NAMES)}")
    parser.add_argument("--out", type=Path, help="where page and figures go (docs, if all is run)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(words)
    given.only = [name.upper() for name in given.only or []]
    for name in given.only:
        if name not in names:
            parser.error(f"there is no reproduction {name!r}; known are {', '.join(names)}")
        if given.quick and not _named(name).in_quick:
            parser.error(f"{name} has no quick part; leave out --quick")
        if _named(name).needs_data and given.data_dir is None:
            parser.error(f"{name} needs public data sets; name their folder by --data-dir")
    if given.data_dir is not None:
        if absent := [name for name in NAMES if not (given.data_dir / name).is_dir()]:
            parser.error(f"{given.data_dir} has no folder {absent[0]!r}; it needs {', '.join(NAMES)}")
        given.data_dir = given.data_dir.resolve()
    if given.out is None and not given.only and not given.quick and given.data_dir is not None:
        given.out = ROOT / "docs"
    return given


def _named(name: str) -> Reproduction:
    return next(each for each in REPRODUCTIONS if each.name == name)


def _wanted(given: argparse.Namespace, setting: Setting) -> list[Reproduction]:
    if given.only:
        return [each for each in REPRODUCTIONS if each.name in given.only]
    possible = [each for each in REPRODUCTIONS if each.in_quick or not setting.quick]
    wanted = [each for each in possible if setting.data is not None or not each.needs_data]
    for each in possible:
        if each not in wanted:
            print(f"{each.name} is left out, for it needs --data-dir.", file=sys.stderr)
    return wanted


def _do(plan: Plan) -> tuple[dict[str, dict[str, Any]], dict[str, float]]:
    """What every run returned, and the seconds that those of each reproduction took together."""
    results: dict[str, dict[str, Any]] = {name: {} for name in plan}
    seconds = dict.fromkeys(plan, 0.0)
    queue = sorted(((name, work) for name in plan for work in plan[name]), key=lambda pair: -pair[1].cost_s)
    total, left_s = len(queue), sum(work.cost_s for _, work in queue) / PROCESSES
    _progress(_words(0, total, left_s))
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        asked = {pool.submit(timed, work): (name, work) for name, work in queue}
        try:
            for done, future in enumerate(as_completed(asked), 1):
                name, work = asked[future]
                results[name][work.name], took_s = future.result()
                seconds[name] += took_s
                left_s -= work.cost_s / PROCESSES
                _progress(_words(done, total, left_s) + f": {name} {work.name}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    _progress("")
    ordered = {name: {work.name: results[name][work.name] for work in works} for name, works in plan.items()}
    return ordered, seconds


def _words(done: int, total: int, left_s: float) -> str:
    left = f", about {left_s / 60:.0f} min left" if left_s > 60 else ""
    return f"{done} of {total} runs{left}"


def _write(chapters: list[page.Chapter], setting: Setting, out: Path | None, *, alone: bool) -> None:
    """Page and figures; where some `chapters` were asked for, those of an older page stay beside them."""
    if out is None:
        return
    folder = out / "reproduction"
    folder.mkdir(parents=True, exist_ok=True)
    for chapter in chapters:
        for name, figure in chapter.findings.figures.items():
            figure.savefig(folder / name, metadata={"Software": None})
    file = out / "reproduction.md"
    if alone or not file.exists():
        words = page.markdown(chapters, setting, folder.name)
    else:
        words = page.merged(file.read_text(encoding="utf-8"), chapters, setting, folder.name)
    file.write_text(words, encoding="utf-8", newline="\n")


def _progress(words: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{words:<78.78}\r", end="", file=sys.stderr, flush=True)
    elif words:
        print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
