"""`gossipfl stress` as a person meets it: refusals, exit status, what is kept, commands that repeat runs."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from commandline import Said, say, start, wait_until

ROWS = "height,weight,sick\n" + "".join(
    f"{i % 7},{i % 5},{'yes' if i % 7 > i % 5 else 'no'}\n" for i in range(105)
)
"""Of one's own: workers need not load scikit-learn for it."""

BASE = """
[topology]
peers = 4
[data]
file = "rows.csv"
target = "sick"
[learning]
rounds = {rounds}
steps = 2
[stress]
seeds = 2
[stress.axes.loss]
none = {{}}
"half" = {{ network.loss = 0.5 }}
[stress.axes.topology]
ring = {{ topology.kind = "ring" }}
complete = {{ topology.kind = "complete" }}
"""


def write_campaign(folder: Path, rounds: int = 3) -> Path:
    """A campaign of four cells and two seeds."""
    (folder / "rows.csv").write_text(ROWS, encoding="utf-8")
    path = folder / "tiny.toml"
    path.write_text(BASE.format(rounds=rounds), encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A campaign, beside which the test runs."""
    monkeypatch.setenv("GOSSIPFL_KERNELS", "numpy")
    monkeypatch.chdir(tmp_path)
    return write_campaign(tmp_path)


class Once(NamedTuple):
    """A campaign that is over: its file, what `stress` said of it, and the folder that it left."""

    file: Path
    said: Said
    folder: Path


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Run once, for all who only look."""
    folder = tmp_path_factory.mktemp("once")
    file = write_campaign(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOSSIPFL_KERNELS", "numpy")
        process = start("stress", file, "--json", "--out", "a", cwd=folder)
        out, err = process.communicate()
    return Once(file, Said(process.returncode, out, err), folder / "a")


@pytest.fixture
def done(once: Once, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of that campaign; a copy of the folder that it left is "a", where the test runs."""
    monkeypatch.setenv("GOSSIPFL_KERNELS", "numpy")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(once.folder, "a")
    return once.file


def cells_of(folder: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads((folder / "stress.json").read_text("utf-8"))["cells"]
    return cells


def test_json_stands_alone_and_tells_every_cell(once: Once) -> None:
    found, said = json.loads(once.said.out), once.said
    assert (said.status, said.out.count("\n"), said.err) == (0, 1, "")
    assert [tuple(cell["labels"].values()) for cell in found["cells"]] == [
        ("none", "ring"),
        ("none", "complete"),
        ("half", "ring"),
        ("half", "complete"),
    ]
    assert found["faults"] == {"loss": "none"}
    assert {cell["state"] for cell in found["cells"]} == {"done"}
    assert cells_of(once.folder) == found["cells"]
    assert "<h2>Worst cases</h2>" in (once.folder / "stress.html").read_text("utf-8")


def test_each_command_repeats_the_figures_of_its_run(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for cell, seed in zip(cells_of(Path("a")), cycle("01"), strict=False):
        program, *arguments = shlex.split(cell["commands"][seed])
        assert program == "gossipfl"
        summary = json.loads(
            say(capsys, *arguments, "--json", "--out", "-".join(cell["labels"].values())).out
        )
        for measure in ("accuracy_mean", "accuracy_worst", "virtual_s", "bytes_sent", "messages_lost"):
            assert summary[measure] == cell["seeds"][seed][measure]


def test_a_drop_is_held_against_the_same_seed_and_graph(once: Once) -> None:
    found = {tuple(cell["labels"].values()): cell["seeds"] for cell in cells_of(once.folder)}
    for (loss, topology), seeds in found.items():
        for seed, figures in seeds.items():
            before = found["none", topology][seed]["accuracy_mean"]
            assert figures["drop"] == before - figures["accuracy_mean"]
            assert (figures["messages_lost"] > 0) == (loss == "half")


def test_a_requirement_that_is_missed_fails_and_names_the_worst(
    done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = say(capsys, "stress", done, "--out", "a", "--require", "finished_share >= 1")
    assert said.status == 0
    said = say(capsys, "stress", done, "--out", "a", "--require", "messages_lost<=0")
    assert said.status == 1
    assert "2 of 4 cells miss messages_lost<=0" in said.err
    assert "loss half" in said.err
    assert said.err.count("\n") == 1


def test_requirements_of_a_scenario_are_for_its_cells_alone(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = '\n[[stress.scenario]]\nname = "calm"\nwhere = { loss = "none" }\nrequire = ["drop <= 0"]\n'
    file.write_text(file.read_text("utf-8") + scenario, encoding="utf-8")
    found = json.loads(say(capsys, "stress", file, "--seeds", "1", "--json", "--out", "a").out)
    (verdict,) = found["verdicts"]
    assert (verdict["scenario"], verdict["held_by"], verdict["missed"]) == ("calm", 2, [])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            ("network.loss", "network.los"),
            'loss = "half" cannot run: With these settings: unknown key "network.los"',
        ),
        (('"complete" }', '"complet" }'), "did you mean complete"),
        (("seeds = 2", "seed = 2"), 'unknown key "seed": did you mean "seeds"'),
        (("seeds = 2", "seeds = 0"), '"seeds" cannot be 0: it must be 1 or more'),
        (("seeds = 2", 'require = ["accuracy > much"]'), "write it as MEASURE >= NUMBER"),
        (("seeds = 2", 'require = ["acuracy_worst >= 0.9"]'), 'did you mean "accuracy_worst"'),
        (
            ("seeds = 2", 'baseline = { los = "none" }'),
            'stress.baseline names the axis "los": did you mean "loss"',
        ),
        (("seeds = 2", 'baseline = { loss = "no" }'), 'stress.baseline names the loss "no"'),
        (("[stress.axes.topology]", "[stress.axes.engine]"), 'say engines = ["network", "crowd"]'),
        (("peers = 4", "peers = 1"), "tiny.toml: "),
        (("[stress.axes.loss]", "[stress.axes]\nx = 1\n[stress.axes.loss]"), '"axes.x" cannot be 1'),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_before_anything_runs(
    file: Path, change: tuple[str, str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(file.read_text("utf-8").replace(*change), encoding="utf-8")
    said = say(capsys, "stress", file, "--out", "a")
    assert said.status == 2
    assert words in said.err
    assert said.err.count("\n") == 1
    assert not Path("a").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--require", "drop"), "--require"),
        (("--workers", "0"), "0 workers cannot be"),
        (("--seeds", "0"), '"seeds" cannot be 0'),
        (("--set", "learning.round=3"), 'did you mean "rounds"'),
        (("--set", "stress.seed=3"), 'did you mean "seeds"'),
    ],
)
def test_options_that_cannot_be_are_refused(
    file: Path, arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = say(capsys, "stress", file, "--out", "a", *arguments)
    assert said.status == 2
    assert words.replace("--require", "is no requirement") in said.err
    assert not Path("a").exists()


def test_an_experiment_without_axes_is_told_of_the_presets(capsys: pytest.CaptureFixture[str]) -> None:
    said = say(capsys, "stress", "ring-8")
    assert said.status == 2
    assert "dropped-peers" in said.err


def test_what_an_engine_refuses_does_not_apply_and_does_not_fail(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = file.read_text("utf-8").replace("seeds = 2", 'seeds = 1\nengines = ["network", "crowd"]')
    file.write_text(text, encoding="utf-8")
    said = say(capsys, "stress", file, "--json", "--out", "a")
    assert said.status == 0
    states = {tuple(cell["labels"].values()): cell for cell in json.loads(said.out)["cells"]}
    assert states["half", "ring", "crowd"]["state"] == "not applicable"
    assert "network.loss" in states["half", "ring", "crowd"]["reason"]
    calm = [states["none", "ring", engine]["seeds"]["0"] for engine in ("network", "crowd")]
    assert calm[0]["accuracy_mean"] == calm[1]["accuracy_mean"]


def test_simulate_runs_the_base_of_a_campaign(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(say(capsys, "simulate", file, "--json", "--out", "a").out)["peers"] == 4


def test_another_campaign_in_the_folder_is_refused_but_what_is_shared_can_be_kept(
    done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Path("a/results.jsonl").read_bytes()
    said = say(capsys, "stress", done, "--seeds", "3", "--out", "a")
    assert said.status == 2
    assert "holds another campaign" in said.err
    assert say(capsys, "stress", done, "--seeds", "3", "--out", "a", "--resume").status == 0
    after = Path("a/results.jsonl").read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == before.count(b"\n") + 4


def test_a_folder_that_holds_anything_else_is_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a").mkdir()
    Path("a/thesis.tex").write_text("x", encoding="utf-8")
    said = say(capsys, "stress", file, "--out", "a")
    assert said.status == 2
    assert "not empty" in said.err


def test_a_torn_line_is_run_again(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = cells_of(Path("a"))
    lines = Path("a/results.jsonl").read_bytes().splitlines(keepends=True)
    Path("a/results.jsonl").write_bytes(b"".join(lines[:-2]) + lines[-2][:40])
    assert json.loads(say(capsys, "stress", done, "--json", "--out", "a").out)["cells"] == whole


def test_a_campaign_killed_in_the_middle_ends_with_the_same_numbers(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_campaign(tmp_path, rounds=30)
    whole = json.loads(say(capsys, "stress", file, "--json", "--out", "whole").out)["cells"]
    process = start("stress", file, "--workers", "2", "--out", "killed", cwd=tmp_path)
    results = tmp_path / "killed" / "results.jsonl"
    wait_until(lambda: results.exists() and results.read_bytes().count(b"\n") >= 2, "two runs were done")
    workers = children_of(process.pid)
    process.kill()
    process.communicate()
    wait_until(lambda: not any(alive(pid) for pid in workers), "its processes ended with it")
    kept = results.read_bytes()
    assert kept.count(b"\n") < 8
    resumed = json.loads(say(capsys, "stress", file, "--json", "--out", "killed").out)["cells"]
    assert results.read_bytes().startswith(kept)
    assert resumed == whole


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_campaign_that_is_stopped_leaves_no_process_behind(
    file: Path, tmp_path: Path, number: signal.Signals
) -> None:
    write_campaign(tmp_path, rounds=3000)
    process = start("stress", file, "--workers", "2", "--out", "a", cwd=tmp_path)
    wait_until(lambda: len(children_of(process.pid)) == 2, "its processes are there")
    workers = children_of(process.pid)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "--out a goes on" in err
    assert not any(alive(pid) for pid in workers)


def test_a_worker_that_is_killed_fails_its_cell_and_the_others_go_on(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_campaign(tmp_path, rounds=60)
    process = start("stress", file, "--workers", "1", "--seeds", "1", "--out", "a", cwd=tmp_path)
    results = tmp_path / "a" / "results.jsonl"
    wait_until(lambda: results.exists() and b"\n" in results.read_bytes(), "the first run is done")
    for pid in children_of(process.pid):
        os.kill(pid, signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "was ended by SIGKILL" in err
    states = [cell["state"] for cell in cells_of(tmp_path / "a")]
    assert (states.count("done"), states.count("failed")) == (3, 1)
    assert say(capsys, "stress", file, "--seeds", "1", "--out", "a").status == 0


def test_a_full_disk_is_told_and_what_was_kept_goes_on(
    done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "disk").mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8k", "none", tmp_path / "disk"], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk")
    try:
        said = say(capsys, "stress", done, "--out", "disk/a")
        kept = sum(b"figures" in line for line in Path("disk/a/results.jsonl").read_bytes().splitlines())
        assert (said.status, said.err.count("\n")) == (2, 1)
        assert "No space left on device" in said.err
        assert 0 < kept < 8
        subprocess.run(["mount", "-o", "remount,size=8m", tmp_path / "disk"], check=True)
        found = json.loads(say(capsys, "stress", done, "--json", "--out", "disk/a").out)
        assert len(Path("disk/a/results.jsonl").read_bytes().splitlines()) >= 8
        assert found["cells"] == cells_of(Path("a"))
    finally:
        subprocess.run(["umount", tmp_path / "disk"], check=True)


def test_presets_are_listed_with_what_they_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    said = say(capsys, "stress", "--list")
    assert said.status == 0
    assert "dropped-peers  " in said.out


def children_of(pid: int) -> list[int]:
    """The processes that `pid` started and that are alive."""
    found = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


def alive(pid: int) -> bool:
    """Whether there is such a process, other than one that only waits to be buried."""
    found = subprocess.run(["ps", "-p", str(pid), "-o", "stat="], capture_output=True, text=True)
    return found.stdout.strip() not in ("", "Z")
