"""The command line as a person meets it: arguments in, exit status and both outputs out."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from gossipfl.cli import main


class Said(NamedTuple):
    """What a command said, and its exit status."""

    status: int
    out: str
    err: str


def say(capsys: pytest.CaptureFixture[str], *arguments: object) -> Said:
    """Run `gossipfl arguments` in this process."""
    before = sys.argv
    sys.argv = ["gossipfl", *map(str, arguments)]
    capsys.readouterr()
    try:
        with pytest.raises(SystemExit) as end:
            main()
    finally:
        sys.argv = before
    captured = capsys.readouterr()
    return Said(int(end.value.code or 0), captured.out, captured.err)


def start(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    """Start `gossipfl arguments` as a process of its own, in the folder `cwd`."""
    return subprocess.Popen(
        [sys.executable, "-m", "gossipfl", *map(str, arguments)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(holds: Callable[[], bool], what: str, deadline_s: float = 180.0) -> None:
    """Look again and again until `holds()`; fail after `deadline_s`."""
    end = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < end, f"In {deadline_s:.0f} s there was no sign that {what}."
        time.sleep(0.01)
