"""`gossipfl audit verify`, and that what a node says it sent is what another says it used."""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from commandline import say, start

from gossipfl.cli.prepare import prepare
from gossipfl.experiment.federation import build
from gossipfl.experiment.files import read_experiment
from gossipfl.node.chain import START, forge
from gossipfl.node.keyfile import load_key
from gossipfl.protocol.identity import Identity

SIGNER = Identity(b"\1" * 32)
SENT = {"time": "2026-11-29T01:02:03.004+00:00", "what": "sent", "to": "b", "fingerprint": "9f3c", "bytes": 7}
STARTED = {"time": "2026-11-29T01:02:03.004+00:00", "what": "started", "key": SIGNER.key.hex()}
ROUNDS = 4


def log_of(folder: Path, *entries: dict[str, Any]) -> Path:
    head, path = START, folder / "audit.jsonl"
    with path.open("wb") as file:
        for facts in entries:
            line, head = forge(head, facts, SIGNER if facts["what"] == "started" else None)
            file.write(line)
    return path


def test_a_whole_log_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused = {"what": "refused", "source": "192.0.2.9", "reason": "not-tls", "times": 12}
    path = log_of(
        tmp_path, STARTED, SENT | {"round": 1}, SENT | {"round": 2}, SENT | {"what": "cut-off"}, refused
    )
    for where in (path, tmp_path):
        said = say(capsys, "audit", "verify", where, "--key", SIGNER.key.hex())
        assert said.status == 0, said.err
        assert "sent 2 updates of 14 bytes in all to b (9f3c), of rounds 1 to 2" in said.out
        assert "1 of them were cut off" in said.out
        assert "refused 12 of 192.0.2.9: 12 for not-tls" in said.out
        assert "the last 4 of them are not signed yet" in said.out
    told = json.loads(say(capsys, "audit", "verify", path, "--json").out)
    assert (told["whole"], told["lines"], told["sent"]["b (9f3c)"]["updates"]) == (True, 5, 2)
    assert told["refused"] == {"192.0.2.9": {"not-tls": 12}}


def test_a_broken_log_is_told_with_its_first_broken_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = log_of(tmp_path, STARTED, SENT, SENT, SENT)
    path.write_bytes(path.read_bytes().replace(b'"seq":3,', b'"seq":8,'))
    said = say(capsys, "audit", "verify", path)
    assert said.status == 1
    assert "is broken at line 3: it was changed" in said.out
    assert "sent 1 updates" in said.out
    broken = say(capsys, "audit", "verify", path, "--json")
    assert broken.status == 1
    assert json.loads(broken.out)["broken"].startswith("line 3: ")


def test_wrong_use_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = log_of(tmp_path, STARTED)
    for arguments in ([tmp_path / "no"], [path, "--noted", "0c14"], [path, "--key", "54f9"], []):
        said = say(capsys, "audit", "verify", *arguments)
        assert said.status == 2
        assert said.out == ""
        assert said.err.count("\n") == 1


def test_an_empty_log_is_not_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = say(capsys, "audit", "verify", log_of(tmp_path))
    assert said.status == 1
    assert "broken at line 1" in said.out


@pytest.mark.parametrize(
    "hostile", [{"to": "\x1b[2J\n"}, {"to": ["x"]}, {"bytes": -1}, {"round": 1e300}, {"time": {}}]
)
def test_a_log_by_a_hostile_hand_is_read_without_harm(
    hostile: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = say(capsys, "audit", "verify", log_of(tmp_path, STARTED, SENT | hostile))
    assert said.status == 0, said.err
    assert "\x1b" not in said.out
    assert "sent 1 updates" in said.out


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.skipif(sys.platform == "win32", reason="processes take longer there than this is worth")
def test_what_three_nodes_say_they_sent_is_what_the_others_say_they_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [
        "topology.peers=3",
        "topology.kind=complete",
        f"learning.rounds={ROUNDS}",
        "data.dataset=wine",
    ]
    homes, _ = prepare(build(read_experiment("ring-8", settings)), tmp_path)
    with ExitStack() as stack:
        processes = []
        for home in homes:
            process = start("node", str(home), cwd=tmp_path)
            stack.callback(process.communicate)
            stack.callback(process.kill)
            processes.append(process)
        for process in processes:
            _, words = process.communicate(timeout=300)
            assert process.returncode == 0, words
            assert "note it, to see later that nothing was cut off" in words
    sent: Counter[tuple[str, str, int, int, int]] = Counter()
    epochs = {}
    for home in homes:
        audited = lines_of(home / "state" / "audit.jsonl")
        name, epoch = audited[0]["name"], audited[0]["epoch"]
        epochs[name] = epoch
        sent.update(
            (name, line["to"], epoch, line["round"], line["sequence"])
            for line in audited
            if line["what"] == "sent"
        )
        key = next(load_key(path).key for path in (tmp_path / "keys").iterdir()
                   if load_key(path).key.hex() == audited[0]["key"])  # fmt: skip
        told = say(
            capsys, "audit", "verify", home, "--key", key.hex(), "--noted", audited[-1]["hash"], "--json"
        )
        assert told.status == 0, told.out
        facts, summary = (
            json.loads(told.out),
            json.loads((home / "state" / "summary.json").read_text("utf-8")),
        )
        whole = [peer["updates"] - peer["cut_off"] for peer in facts["sent"].values()]
        assert sum(whole) == summary["messages_sent"] >= 2
        assert (facts["starts"], facts["stops"], facts["signed_to"]) == (1, 1, len(audited))
    assert set(sent.values()) == {1}
    used = [
        (names[place], names[0], epoch, round_, sequence)
        for home in homes
        for names in [json.loads((home / "state" / "graph.json").read_text("utf-8"))["names"]]
        for record in lines_of(home / "state" / "records.jsonl")
        if record["kind"] == "round"
        for place, epoch, round_, sequence in record["used"]
    ]
    assert set(used) <= set(sent)
    assert len({(sender, to) for sender, to, *_ in used}) == 6
