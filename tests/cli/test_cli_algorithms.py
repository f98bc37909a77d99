"""`gossipfl algorithms` tells of every algorithm and compressor, and its examples run."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from commandline import say

import gossipfl
from gossipfl.cli import algorithms
from gossipfl.experiment.federation import build
from gossipfl.learn.attacks import ATTACKS
from gossipfl.learn.compressors import COMPRESSORS
from gossipfl.learn.registry import ALGORITHMS


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    said = say(capsys, "algorithms", *arguments, "--json")
    assert (said.status, said.err) == (0, "")
    return json.loads(said.out)


@pytest.mark.parametrize("width", [80, 120])
def test_the_list_has_all_and_cuts_nothing_off(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for arguments, names in (((), ALGORITHMS), (("--compressors",), COMPRESSORS), (("--attacks",), ATTACKS)):
        said = say(capsys, "algorithms", *arguments)
        assert said.status == 0
        assert max(map(len, said.out.splitlines())) <= width
        assert "…" not in said.out
        rows = [line.split()[0] for line in said.out.splitlines() if line.startswith(" ") and line.split()]
        assert [row for row in rows if row in names] == list(names)


def test_the_list_tells_papers_needs_and_options(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    said = " ".join(say(capsys, "algorithms").out.split())
    for method in ALGORITHMS.values():
        assert all(paper in said for paper in method.paper.split("; "))
        assert all(f"{option} = " in said for option in method.options)


def test_the_list_of_attacks_tells_papers_options_and_which_need_a_network(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = {each["name"]: each for each in told(capsys, "--attacks")["attacks"]}
    assert found["alie"]["options"] == {"z": 4.0}
    assert all(each["paper"] and each["purpose"] for each in found.values())
    network = {"dissensus", "equivocation", "replay", "flood", "nan"}
    assert {name for name, each in found.items() if not each["crowd"]} == network


def test_bytes_are_those_of_the_encoded_update(capsys: pytest.CaptureFixture[str]) -> None:
    found = {each["name"]: each for each in told(capsys)["algorithms"]}
    assert found["dpsgd"]["bytes"] == [2600, 2600]
    assert found["dpsgd"]["bytes_relative"] == [1.0, 1.0]
    assert found["gradient-tracking"]["bytes_relative"][0] > 1
    ranged = [each for each in found.values() if each["takes_compressor"]]
    assert ranged
    assert all(each["bytes"][0] < each["bytes"][1] for each in ranged)
    larger = told(capsys, "dpsgd", "--parameters", "1000")
    assert larger["bytes"] == [4000, 4000]


def test_bytes_of_a_compressor_are_those_of_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    found = {each["name"]: each for each in told(capsys, "--compressors")["compressors"]}
    assert list(found) == list(COMPRESSORS)
    assert (found["none"]["bytes"], found["float16"]["bytes"], found["int8"]["bytes"]) == (2600, 1300, 662)
    assert found["top-k"]["options"] == {"share": 0.1, "values": "int8"}


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_an_example_runs_as_it_stands(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = say(capsys, "algorithms", name).out
    text = algorithms.example(name)
    assert text in shown
    table = tomllib.loads(text)
    assert table == tomllib.loads(told(capsys, name)["example"])
    federation = build(gossipfl.Experiment(**table), dataset=gossipfl.load_dataset("wine"))
    built = federation.algorithm
    assert type(built) is ALGORITHMS[name].build
    options = ALGORITHMS[name].options
    assert {option: getattr(built, option) for option in options} == options


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dpsg"], 'did you mean "dpsgd"?'),
        (["dpsgd", "--compressors"], "leave out dpsgd"),
        (["--parameters", "0"], "algorithms --help`"),
    ],
)
def test_what_is_not_there_is_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = say(capsys, "algorithms", *arguments)
    assert (said.status, said.out) == (2, "")
    assert words in said.err


def test_help_teaches_by_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert "gossipfl algorithms gradient-tracking" in say(capsys, "algorithms", "--help").out
