"""`gossipfl topology` lists, shows and draws."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gossipfl.cli.topology import app
from gossipfl.errors import TopologyError


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_list_names_every_family() -> None:
    names = [family["name"] for family in json.loads(_run("list", "--json"))["topologies"]]
    assert len(names) == 15
    shown = _run("list")
    assert all(name in shown for name in names)


def test_show_prints_facts_as_json_alone() -> None:
    found = json.loads(_run("show", "ring", "--peers", "8", "--json"))
    assert (found["peers"], found["edges"], found["diameter"]) == (8, 8, 4)
    assert found["spectral_gap"] == pytest.approx(0.195262145875635)


def test_show_prints_a_table() -> None:
    assert "3 for every peer" in _run("show", "k-regular", "--peers", "20", "--degree", "3")
    assert "0.4" in _run("show", "torus")


def test_show_reads_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pair.edges"
    path.write_text("a b\n", encoding="utf-8")
    assert json.loads(_run("show", str(path), "--json"))["topology"] == "pair"
    with pytest.raises(TopologyError, match="--peers"):
        _run("show", str(path), "--peers", "3")


def test_draw_writes_the_picture(tmp_path: Path) -> None:
    out = tmp_path / "graph.png"
    said = json.loads(_run("draw", "tree", "--peers", "7", "--out", str(out), "--json"))
    assert said["out"] == str(out)
    assert out.read_bytes().startswith(b"\x89PNG")


def test_a_disconnected_graph_is_shown_only_if_allowed() -> None:
    arguments = ("show", "erdos-renyi", "--peers", "6", "--probability", "0")
    with pytest.raises(TopologyError, match="disconnected"):
        _run(*arguments)
    assert "6 components" in _run(*arguments, "--allow-disconnected")


def test_list_names_every_schedule() -> None:
    names = [schedule["name"] for schedule in json.loads(_run("list", "--json"))["schedules"]]
    assert "base" in names
    assert "random-regular" in names


def test_compare_prints_the_candidates_and_advises_the_first(tmp_path: Path) -> None:
    out = tmp_path / "choice.png"
    said = json.loads(_run("compare", "--peers", "9", "--parameters", "10", "--out", str(out), "--json"))
    assert (said["peers"], said["out"]) == (9, str(out))
    assert said["candidates"][0]["name"] in said["advice"]
    assert {"degree", "gap", "rounds", "bytes", "bytes_to_agree"} <= set(said["candidates"][0])
    assert "hypercube" in said["left_out"]
    assert out.read_bytes().startswith(b"\x89PNG")


def test_compare_prints_a_table_that_fits_a_terminal_and_writes_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    shown = _run("compare", "--peers", "8")
    assert "…" not in shown
    assert "directed-exponential" in shown
    assert "Take base (degree 1)" in shown
    assert (tmp_path / "topology-compare-8.png").stat().st_size > 10_000


def test_compare_refuses_a_plot_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match=r"\.png or \.svg"):
        _run("compare", "--peers", "8", "--out", str(tmp_path / "choice.doc"))
    with pytest.raises(TopologyError, match="cannot be written"):
        _run("compare", "--peers", "8", "--out", str(tmp_path / "absent" / "choice.png"))


def test_show_prints_the_facts_of_a_schedule() -> None:
    found = json.loads(_run("show", "base", "--peers", "25", "--degree", "2", "--json"))
    assert (found["schedule"], found["period"], found["finite_time"], found["degree_max"]) == (
        "base",
        6,
        True,
        2,
    )
    assert "drawn afresh" in _run("show", "random-peers", "--peers", "9")
    assert "4 for every peer" in _run("show", "random-regular", "--peers", "9", "--degree", "4")


def test_a_schedule_that_never_agrees_exactly_is_shown_only_if_allowed() -> None:
    arguments = ("show", "one-peer-exponential", "--peers", "6")
    with pytest.raises(TopologyError, match='"base"'):
        _run(*arguments)
    assert "thousandth" in _run(*arguments, "--allow-asymptotic")


def test_a_schedule_refuses_the_options_of_graphs() -> None:
    with pytest.raises(TopologyError, match="'rows'"):
        _run("show", "base", "--rows", "3")


def test_draw_writes_the_rounds_of_a_schedule(tmp_path: Path) -> None:
    out = tmp_path / "rounds.png"
    said = json.loads(_run("draw", "base", "--peers", "5", "--out", str(out), "--json"))
    assert (said["topology"], said["out"]) == ("base", str(out))
    assert out.read_bytes().startswith(b"\x89PNG")
