"""A node ends with whoever started it, and one that a person started does not mind its input."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import start, wait_until

from gossipfl.cli.lifeline import TIED

PATIENCE_S = 600.0
"""Three processes start within a minute or two even where many others do; see `wait_until`."""

HOLDS = """
import os, sys, time
from gossipfl.cli import lifeline
lifeline.hold(os.environ)
print("holds", flush=True)
time.sleep(600)
"""


def holding(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | environment,
    )


def test_a_process_ends_when_its_lifeline_is_cut_and_not_before() -> None:
    with holding(TIED) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline().strip() == b"holds"
            process.stdin.write(b"words say nothing")
            process.stdin.flush()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
            process.stdin.close()
            assert process.wait(PATIENCE_S) != 0
        finally:
            process.kill()


def test_a_process_that_nobody_told_outlives_its_input() -> None:
    with holding({}) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.readline()
            process.stdin.close()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
        finally:
            process.kill()


def _said(node: Path) -> str:
    log = node / "node.log"
    return log.read_text("utf-8") if log.exists() else ""


def test_no_node_outlives_a_killed_up(tmp_path: Path) -> None:
    """Each says goodbye and leaves its model, as one does that is asked to end."""
    settings = ("topology.peers=3", "learning.rounds=100000", "network.training_s=0.1")
    sets = [word for setting in settings for word in ("--set", setting)]
    process = start("up", "ring-8", *sets, "--out", tmp_path / "run", cwd=tmp_path)
    nodes = [tmp_path / "run" / "nodes" / str(number) for number in range(3)]
    try:
        wait_until(lambda: all("round 1 of" in _said(node) for node in nodes), "all three learn", PATIENCE_S)
    finally:
        process.kill()  # SIGKILL: it has no say in what follows
        process.communicate()
    wait_until(lambda: all("stopped in round" in _said(node) for node in nodes), "all have ended", PATIENCE_S)
