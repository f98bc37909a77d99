"""A mode that is made of named parts: does those that are asked for, and prints what came of each."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from robustness_runs.processes.rows import Row, told

Part = Callable[[Path], list[Row]]
"""Does what its docstring says, in a folder that is not there yet, and returns what came of it."""


def run_parts(
    mode: str, parts: Mapping[str, Part], words: Sequence[str] | None, *, does: str, needs: str
) -> int:
    """Run the parts that `words` name, or all; 0 if every row passes, 1 if one fails.

    For its help, the `mode` says what it `does`, and what it `needs`.
    """
    parser = argparse.ArgumentParser(prog=f"scripts/robustness {mode}", description=does, epilog=needs)
    parser.add_argument(
        "part", nargs="*", metavar="PART", help=f"of {', '.join(parts)}; all, if none is named"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(words)
    for name in given.part:
        if name not in parts:
            parser.error(f"there is no part {name!r}; known are {', '.join(parts)}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as folder:
        for name in given.part or parts:
            print(f"{name}: {parts[name].__doc__}", file=sys.stderr, flush=True)
            rows += parts[name](Path(folder, name))
    return told(rows, as_json=given.json)
