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
