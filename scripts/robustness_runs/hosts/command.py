"""The mode `hosts`: harm nodes on hosts of their own as is asked for, and print what came of it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from robustness_runs.hosts.hosts import why_none
from robustness_runs.hosts.rows import ROWS
from robustness_runs.processes.rows import Row, told


def main(words: Sequence[str] | None = None) -> int:
    """Run what `words` ask for; 0 if every row passes, 1 if one fails, 2 where there can be no hosts."""
    given = _arguments(words)
    if why := why_none():
        print(why, file=sys.stderr)
        return 2
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as folder:
        for name in given.row or ROWS:
            print(f"{name}: {ROWS[name].__doc__}", file=sys.stderr, flush=True)
            rows += ROWS[name](Path(folder, name))
    return told(rows, as_json=given.json)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/robustness hosts",
        description="Harm nodes on hosts of their own, network namespaces, and print what comes of it.",
        epilog="Times are longer where the machine is busy with other things. It needs Linux, root, ip, tc.",
    )
    parser.add_argument("row", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all, if none is named")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(words)
    for name in given.row:
        if name not in ROWS:
            parser.error(f"there is no row {name!r}; known are {', '.join(ROWS)}")
    return given
