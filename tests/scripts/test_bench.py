"""The script that measures: what it runs, prints, writes, compares and refuses, and its sums on paper."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from gossipfl.topology import build_topology

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


def room(name: str) -> Any:
    return import_module(f"benchmarks.{name}")


def record(peers: int, seconds: float, repeat: int = 0) -> dict[str, object]:
    facts = {"environment": {"cpu": "one", "cores": 1, "system": "any", "python": "3", "numpy": "2"}}
    facts["environment"] |= {"numba": None, "torch": None}
    peaks = {"on": "one thread", "peak_flop_per_s": 1e11, "peak_bytes_per_s": 1e10}
    measured = {"seconds": seconds, "flop": 2e9 * peers, "bytes": 0, "memory_bytes": 5_000_000}
    names = {
        "workload": "crowd-softmax-numpy",
        "peers": peers,
        "repeat": repeat,
        "tree": "here",
        "commit": "c0",
    }
    return {**names, **facts, **peaks, **measured}


def written(path: Path, *records: dict[str, object]) -> str:
    path.write_text("\n".join(json.dumps(each) for each in records), encoding="utf-8")
    return str(path)


def test_each_measurement_is_a_line_and_a_row(tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "bench.jsonl"
    words = ["crowd-softmax-numpy", "--peers", "50", "--repeats", "2", "--out", str(out)]
    assert room("__main__").main(words) == 0
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line["repeat"] for line in lines] == [0, 1]
    assert all(line["seconds"] > 0 and line["peak_flop_per_s"] > 0 for line in lines)
    assert {"cpu", "numpy", "numba", "torch"} <= lines[0]["environment"].keys()
    assert lines[0]["flop"] == 50 * 64 * 2_560
    assert "| crowd-softmax-numpy | 50 |" in capsys.readouterr().out


def test_a_commit_is_compared_and_leaves_nothing_behind(capsys: Any) -> None:
    trees = room("trees")
    if not trees.known_commit("HEAD"):
        pytest.skip("not a checkout")
    before = trees.worktrees()
    assert room("__main__").main(["import", "--repeats", "1", "--against", "HEAD"]) == 0
    assert "| workload | peers | here | there | here / there |" in capsys.readouterr().out
    assert trees.worktrees() == before


def test_two_runs_are_compared_repeat_by_repeat(tmp_path: Path, capsys: Any) -> None:
    new = written(tmp_path / "new", record(100, 1.0), record(100, 3.0, 1))
    old = written(tmp_path / "old", record(100, 4.0), record(100, 4.0, 1))
    assert room("__main__").main(["--read", new, "--against", old]) == 0
    assert "| crowd-softmax-numpy | 100 | 2 s | 4 s | 0.50 | 0.25 - 0.75 |" in capsys.readouterr().out


def test_shares_of_the_peak_and_growth_are_told(tmp_path: Path, capsys: Any) -> None:
    runs = [record(100, 10.0), record(1_000, 1_000.0), record(10_000, 100_000.0)]
    assert room("__main__").main(["--read", written(tmp_path / "runs", *runs)]) == 0
    said = capsys.readouterr().out
    assert "| 100 ms | 20 | 20.0% |" in said
    assert "| crowd-softmax-numpy | 100 - 10,000 | 2.00 | 10.00 |" in said


def test_what_failed_is_told_and_fails(tmp_path: Path, capsys: Any) -> None:
    broken = {"workload": "wire", "peers": 0, "tree": "here", "failed": "KeyError: 1"}
    assert room("__main__").main(["--read", written(tmp_path / "runs", broken)]) == 1
    assert "wire failed here: KeyError: 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["crowd-sotfmax-numpy"], "did you mean 'crowd-softmax-numpy'"),
        (["--against", "no-such-commit"], "neither a commit nor a file"),
        (["--read", str(ROOT / "README.md")], "name a file that --out wrote"),
        (["--repeats", "0"], "give 1 or more"),
        (["--out", "no/such/folder.jsonl"], "make it, or name another"),
    ],
)
def test_wrong_use_is_refused_with_advice(words: list[str], advice: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as refusal:
        room("__main__").main(words)
    assert refusal.value.code == 2
    assert advice in capsys.readouterr().err


def test_the_beginning_of_a_name_stands_for_all_and_the_longest_is_only_asked_for() -> None:
    command = room("__main__")
    names = {workload.name for workload, _ in command.jobs(command.arguments(["fit"]))}
    assert len(names) == 6
    assert "million" not in {workload.name for workload, _ in command.jobs(command.arguments([]))}
    assert [peers for _, peers in command.jobs(command.arguments(["million"]))] == [1_000_000]


@pytest.mark.parametrize(
    ("family", "peers", "machines", "error"),
    [
        ("ring", 60, 5, 0),
        ("torus", 576, 4, 0),
        ("torus", 900, 6, 0),
        ("tree", 127, 8, 0),
        ("hypercube", 1_024, 8, 0),
        ("exponential", 1_000, 10, 0),
        ("exponential", 1_024, 8, 0),
        ("star", 60, 5, 0),
        ("complete", 60, 5, 0),
        ("k-regular", 2_000, 8, 0.01),
        ("small-world", 2_000, 8, 0.05),
    ],
)
def test_what_crosses_on_paper_crosses_in_a_graph(
    family: str, peers: int, machines: int, error: float
) -> None:
    partition = room("partition")
    placed = next(each for each in partition.PLACEMENTS if each.family == family)
    graph = build_topology(family, peers, **dict(placed.options))
    total, most = placed.received(peers, machines)
    counted, busiest = partition.counted(graph, placed.home(peers, machines))
    assert counted == pytest.approx(total, rel=error, abs=0)
    assert busiest == pytest.approx(most, rel=3 * error, abs=0)


def test_random_cubic_graphs_are_cut_where_bollobas_says() -> None:
    partition = room("partition")
    assert 2 / 11 < partition.leaving_at_least(0.5, degree=3) < 0.19
    assert partition.received_at_least(1_000) < partition.regular(10**8, 1_000) / 10**5


def test_the_page_holds_the_table_that_the_formulas_give() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert room("partition").table() in page
