"""The command that fuzzes: what it finds is told with the words that show it again."""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "scripts"))


def main(*words: str) -> int:
    status: int = import_module("fuzzing.__main__").main(words)
    return status


def test_a_campaign_is_summed_up_for_machines(capsys: Any) -> None:
    assert main("frames", "--count", "300", "--first", "100", "--seed", "5", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["streams"], record["failed"], record["failures"]) == (300, 0, [])
    assert sum(record["outcomes"].values()) == 300


def test_an_input_is_replayed_from_hex_or_a_file(tmp_path: Path, capsys: Any) -> None:
    ping = b"\x01\x00GF\x01\x06" + bytes(12)
    (tmp_path / "ping").write_bytes(ping)
    for words in (ping.hex(), str(tmp_path / "ping")):
        assert main("replay", "stream", words) == 0
        assert capsys.readouterr().out == "heard\n"


def test_an_input_that_fails_is_told_with_where(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def careless(_: bytes) -> str:
        raise ZeroDivisionError

    targets = import_module("fuzzing.targets").TARGETS
    monkeypatch.setitem(targets, "key", targets["key"]._replace(read=careless))
    assert main("replay", "key", "00") == 1
    assert "ZeroDivisionError" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["frames", "--count", "0"], "above 0"),
        (["replay", "no-such", "00"], "known are stream, peer"),
        (["targets", "--minutes", "0"], "above 0"),
        ([], "VERB"),
    ],
)
def test_wrong_use_is_told_with_advice(words: list[str], advice: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        main(*words)
    assert ended.value.code == 2
    assert advice in capsys.readouterr().err


def test_what_is_no_hex_is_wrong_use(capsys: Any) -> None:
    assert main("replay", "stream", "no hex") == 2
    assert "bytes in hex" in capsys.readouterr().err


def test_without_atheris_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("fuzzing.guided.is_there", lambda: False)
    with pytest.raises(SystemExit) as ended:
        main("targets")
    assert ended.value.code == 2
    assert "pip install" in capsys.readouterr().err


def test_atheris_finds_what_no_seed_reaches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="only those who fuzz install it")
    guided = import_module("fuzzing.guided")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{ROOT / 'scripts'}")
    monkeypatch.setattr(guided, "NEW", tmp_path)
    found = guided.explored("begun", 0.5)
    assert found.crashes == []
    assert found.executions > 100
    assert found.edges > 0
    assert any((tmp_path / "begun").iterdir())
