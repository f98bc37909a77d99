"""Three organisations, three CSV files: from a schema to a model, with a crash in between."""

from __future__ import annotations

import csv
import json
import signal
import socket
import subprocess
import sys
import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from commandline import say, start, wait_until

from gossipfl.cli.slowness import TRAINING_S

NAMES = ("hospital-a", "hospital-b", "hospital-c")


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@pytest.fixture
def consortium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """Three nodes that know one another, each with a third of the rows of breast_cancer."""
    from sklearn.datasets import load_breast_cancer

    monkeypatch.chdir(tmp_path)
    bunch = load_breast_cancer()
    header = ["patient", *bunch.feature_names, "diagnosis"]
    for place, name in enumerate(NAMES):
        with Path(f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(header)
            for index in range(place, len(bunch.data), 3):
                rows.writerow([index, *bunch.data[index], bunch.target_names[bunch.target[index]]])
    schema = ("data", "schema", "hospital-a.csv", "--target", "diagnosis", "--drop", "patient")
    assert say(capsys, *schema).status == 0
    lines = {}
    for name, port in zip(NAMES, free_ports(3), strict=True):
        made = say(capsys, "init", name, "--csv", f"{name}.csv", "--schema", "schema.json",
                   "--listen", f"127.0.0.1:{port}")  # fmt: skip
        assert made.status == 0, made.err
        lines[name] = made.out.strip()
    for name in NAMES:
        assert (
            say(capsys, "peer", "add", name, *(lines[other] for other in NAMES if other != name)).status == 0
        )
    return tmp_path


def edit(node: Path, before: str, after: str) -> None:
    file = node / "node.toml"
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after), "utf-8")


def records_of(node: Path, kind: str) -> list[dict[str, Any]]:
    file = node / "state" / "records.jsonl"
    lines = file.read_text("utf-8").splitlines(keepends=True) if file.exists() else []
    records = [json.loads(line) for line in lines if line.endswith("\n")]
    return [record for record in records if record["kind"] == kind]


def listens(node: Path) -> bool:
    """Whether it answers at its port: from then on it hears signals too."""
    host, port = tomllib.loads((node / "node.toml").read_text("utf-8"))["node"]["listen"].split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def run(stack: ExitStack, folder: Path, name: str) -> subprocess.Popen[str]:
    process = start("node", name, cwd=folder)
    stack.callback(process.communicate)
    stack.callback(process.kill)
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to ask a process to end")
def test_a_crashed_hospital_takes_part_again_and_all_say_goodbye(
    consortium: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, _ = (consortium / name for name in NAMES)
    monkeypatch.setenv(TRAINING_S, "0.2")  # else the others do hundreds of rounds while one starts
    for name in NAMES:
        edit(consortium / name, "rounds = 30", "rounds = 100000\nepochs = 20")
    with ExitStack() as stack:
        processes = {name: run(stack, consortium, name) for name in NAMES}
        wait_until(lambda: any(r["heard"] == 2 for r in records_of(a, "round")), "all three learn")
        processes["hospital-b"].kill()
        processes["hospital-b"].wait()
        wait_until(lambda: records_of(a, "link")[-1]["state"] == "left", "b is missed")
        after = len(records_of(a, "round"))
        closed = len(records_of(b, "round"))
        wait_until(lambda: len(records_of(a, "round")) > after + 3, "a goes on")
        processes["hospital-b"] = run(stack, consortium, "hospital-b")
        wait_until(lambda: len(records_of(b, "round")) > closed + 4, "b is back")
        rejoined = records_of(a, "link")[-1]["unix_s"]
        wait_until(lambda: sum(r["unix_s"] > rejoined for r in records_of(a, "round")) > 4, "a goes on")
        assert any(r["heard"] == 2 for r in records_of(b, "round")[closed : closed + 3])
        together = [r for r in records_of(a, "round") if r["unix_s"] > rejoined]
        # b believes that the run is under way when both say so, and the second link may be a round later
        assert any(r["heard"] == 2 for r in together[:4])
        for name in NAMES:
            processes[name].send_signal(signal.SIGTERM)
            _, err = processes[name].communicate(timeout=120)
            assert processes[name].returncode == 0, err
            assert "stopped in round" in err
    for node, starts in ((a, 1), (b, 2)):
        audited = json.loads(say(capsys, "audit", "verify", node, "--json").out)
        assert (audited["broken"], audited["starts"], audited["stops"]) == ("", starts, 1)
    model = a / "state" / "model.safetensors"
    predicted = say(capsys, "predict", model, "hospital-c.csv", "--probabilities")
    assert predicted.status == 0, predicted.err
    rows = list(csv.DictReader(predicted.out.splitlines()))
    truth = list(csv.DictReader(Path("hospital-c.csv").read_text("utf-8").splitlines()))
    right = sum(row["prediction"] == true["diagnosis"] for row, true in zip(rows, truth, strict=True))
    assert right >= 0.93 * len(truth)
    assert abs(float(rows[0]["probability_benign"]) + float(rows[0]["probability_malignant"]) - 1) < 1e-5
    reported = say(capsys, "report", a / "state", "--json")
    assert reported.status == 0, reported.err
    assert json.loads(reported.out)["notes"] == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to ask a process to end")
def test_other_terms_are_refused_and_all_who_look_hear_what_differs(
    consortium: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b, _ = (consortium / name for name in NAMES)
    edit(b, "rounds = 30", "rounds = 30\nlearning_rate = 0.5")
    edit(b, "# metrics", "metrics")
    (port,) = free_ports(1)
    edit(b, str(tomllib.loads((b / "node.toml").read_text("utf-8"))["node"]["metrics"]), f"127.0.0.1:{port}")
    with ExitStack() as stack:
        processes = [run(stack, consortium, name) for name in NAMES[:2]]
        wait_until(lambda: bool(records_of(a, "refused")) and bool(records_of(b, "refused")), "both refuse")
        differs = "It refused us (manifest): The two sides differ in: learning; make it the same at both"
        looked = say(capsys, "doctor", "hospital-b")
        assert looked.status == 1
        assert "ok   The node runs, as process" in looked.out
        assert f"hospital-a does not let this node in. {differs}." in looked.out
        seen = say(capsys, "status", "hospital-b")
        assert seen.status == 1
        assert "hospital-b: no neighbour is here; hospital-a " in seen.out
        assert "The two sides differ in: learning" in seen.out
        for process in processes:
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=120)
            assert process.returncode == 0, err
            refusal = next(line for line in err.splitlines() if "refused" in line)
            assert "manifest" in refusal
            assert "learning" in refusal


def test_doctor_says_what_is_well_and_what_to_mend(
    consortium: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = say(capsys, "doctor", "hospital-a")
    assert said.status == 1
    assert said.out.count("ok ") == 5
    assert "hospital-b does not answer" in said.out.replace("\n", " ")


def test_what_a_finished_run_learned_is_not_written_over(
    consortium: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = consortium / "hospital-a" / "state"
    state.mkdir()
    (state / "summary.json").write_text('{"finished": 1}', "utf-8")
    refused = say(capsys, "node", "hospital-a")
    assert refused.status == 2
    assert "a run that is finished: run the node again with --fresh" in refused.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
def test_a_node_that_never_began_leaves_an_earlier_model_alone(consortium: Path) -> None:
    model = consortium / "hospital-a" / "state" / "model.safetensors"
    model.parent.mkdir()
    model.write_bytes(b"learned before")
    with ExitStack() as stack:
        process = run(stack, consortium, "hospital-a")
        wait_until(lambda: listens(consortium / "hospital-a"), "the node is up")
        process.send_signal(signal.SIGTERM)
        _, words = process.communicate(timeout=120)
    assert process.returncode == 0, words
    assert model.read_bytes() == b"learned before"
    assert "without hospital-b, hospital-c" in words
