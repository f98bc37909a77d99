"""`gossipfl node` and what is on its disk: refused, gone on from, put aside."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commandline import say

from gossipfl.cli.prepare import prepare
from gossipfl.experiment.federation import build
from gossipfl.experiment.files import read_experiment
from gossipfl.experiment.member import Member, read_member
from gossipfl.node.checkpoint import Terms
from gossipfl.node.keyfile import load_key
from gossipfl.node.state import SLOTS, StateFolder
from gossipfl.protocol.layout import layout_of
from gossipfl.protocol.memory import Memory

ROUNDS = 3


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """The folder of one of two nodes that never meet."""
    settings = [
        "topology.peers=2",
        "topology.kind=complete",
        f"learning.rounds={ROUNDS}",
        "data.dataset=wine",
    ]
    homes, _ = prepare(build(read_experiment("ring-8", settings)), tmp_path)
    return homes[0]


def terms_of(member: Member) -> Terms:
    key, manifest = load_key(member.key_path).key, member.manifest()
    return Terms(key, manifest.digests, layout_of(member.state()), manifest.whole)


def kept(node: Path, *rounds: int) -> StateFolder:
    """The state folder of `node`, whose earlier life kept these rounds."""
    member = read_member(node / "node.toml")
    folder = StateFolder(member.state_path)
    with folder.held():
        folder.recall(terms_of(member))
        folder.begin()
        for round_ in rounds:
            assert folder.keep(Memory(round_, member.state(), {}), terms_of(member)) is None
    return folder


def records(node: Path, kind: str) -> list[dict[str, Any]]:
    lines = (node / "state" / "records.jsonl").read_text("utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def test_whoever_had_closed_the_last_round_has_only_its_model_to_write(
    node: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(node, ROUNDS - 1, ROUNDS)
    said = say(capsys, "node", node, "--json")
    assert said.status == 0, said.err
    assert f"goes on after round {ROUNDS}" in said.err
    summary = json.loads(said.out)
    assert (summary["finished"], summary["round"]) == (1, ROUNDS)
    assert (node / "state" / "model.safetensors").is_file()
    again = say(capsys, "node", node)
    assert again.status == 2
    assert "--fresh" in again.err


def test_the_generation_before_serves_and_it_is_said_on_standard_error_and_in_the_records(
    node: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = kept(node, ROUNDS, ROUNDS)
    torn = folder.path / SLOTS[1]
    torn.write_bytes(torn.read_bytes()[:-1])
    said = say(capsys, "node", node)
    assert said.status == 0, said.err
    words = f"{torn} is spoilt: it is cut short, or longer than it says; the node goes on from the one before"
    assert words in said.err
    assert [record["words"] for record in records(node, "warning")] == [f"{words}, of round {ROUNDS}"]
    assert "Traceback" not in said.err


def test_other_settings_are_refused_by_name_until_fresh_puts_the_old_state_aside(
    node: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = kept(node, 1, 2)
    file = node / "node.toml"
    file.write_text(file.read_text("utf-8").replace(f"rounds = {ROUNDS}", "rounds = 7"), "utf-8")
    said = say(capsys, "node", node)
    assert said.status == 2
    assert "is of another run (it differs in: rounds)" in said.err
    assert "gossipfl node --fresh" in said.err
    kept_epoch = int((folder.path / "epoch").read_text("ascii"))
    process = subprocess.Popen(
        [sys.executable, "-m", "gossipfl", "node", str(node), "--fresh"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr
    try:
        told = [process.stderr.readline() for _ in range(2)]
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert f"begins anew; what was in {folder.path} is in {folder.path / 'before-1'}" in told[0]
    assert sorted(path.name for path in (folder.path / "before-1").iterdir()) == list(SLOTS)
    assert records(node, "started")[0]["round"] == 0
    assert records(node, "started")[0]["epoch"] > kept_epoch


def test_fresh_puts_nothing_aside_for_a_node_that_cannot_begin(
    node: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = kept(node, 1, 2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        file = node / "node.toml"
        file.write_text(re.sub('listen = ".*"', f'listen = "{where}"', file.read_text("utf-8")), "utf-8")
        said = say(capsys, "node", node, "--fresh")
    assert said.status == 2
    assert f"Choose another node.listen than {where}" in said.err
    assert not list(folder.path.glob("before-*"))
    assert all((folder.path / slot).is_file() for slot in SLOTS)


def test_a_folder_that_another_process_holds_is_refused(
    node: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with StateFolder(node / "state").held():
        said = say(capsys, "node", node)
    assert said.status == 2
    assert f"is held by another process ({os.getpid()})" in said.err
    assert said.err.count("\n") == 1


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root of Linux mounts a disk for it"
)
def test_a_folder_that_is_read_only_is_refused(node: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = node / "state"
    state.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", state], capture_output=True)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        said = say(capsys, "node", node)
    finally:
        subprocess.run(["umount", state], check=True)
    assert said.status == 2
    assert f"{state} cannot be written (Read-only file system)" in said.err
    assert said.err.count("\n") == 1
