"""What an operator looks at before a node runs: its line, its ports, its peers."""

from __future__ import annotations

import json
import socket
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import say
from test_cli_refusals import ROWS

from gossipfl.node.state import StateFolder


@pytest.fixture
def lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> dict[str, str]:
    """The nodes a and b, and the lines that `init` printed."""
    monkeypatch.chdir(tmp_path)
    Path("good.csv").write_text(ROWS, "utf-8")
    made: dict[str, str] = {}
    for name, port in (("a", 7411), ("b", 64000)):
        shared = ("--schema", "a/schema.json") if made else ("--target", "sick")
        said = say(capsys, "init", name, "--csv", "good.csv", *shared, "--listen", f"127.0.0.1:{port}")
        assert said.status == 0, said.err
        made[name] = said.out.strip()
    return made


@pytest.fixture
def taken() -> Iterator[str]:
    """An address that something listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def edit(name: str, before: str, after: str) -> None:
    file = Path(name, "node.toml")
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after), "utf-8")


def found(capsys: pytest.CaptureFixture[str], name: str) -> list[str]:
    """What doctor has to mend, and what is well behind "ok: "."""
    told: Any = json.loads(say(capsys, "doctor", name, "--json").out)
    return [("ok: " if one["good"] else "") + one["sentence"] for one in told["findings"]]


def test_a_nodes_line_is_printed_again(lines: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    said = say(capsys, "key", "show", "a")
    assert said.out.splitlines()[-1] == lines["a"]
    assert json.loads(say(capsys, "key", "show", "b/node.toml", "--json").out)["line"] == lines["b"]
    assert "line" not in json.loads(say(capsys, "key", "show", "a/node.key", "--json").out)


def test_nodes_of_one_machine_are_not_looked_at_on_one_port(lines: dict[str, str]) -> None:
    where = []
    for name in lines:
        text = Path(name, "node.toml").read_text("utf-8").replace("# metrics", "metrics")
        where.append(tomllib.loads(text)["node"]["metrics"])
    assert where == ["127.0.0.1:9411", "127.0.0.1:62000"]


def test_a_port_in_use_is_called_by_the_setting_that_names_it(
    lines: dict[str, str], taken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    say(capsys, "peer", "add", "a", lines["b"])
    edit("a", '# metrics = "127.0.0.1:9411"', f'metrics = "{taken}"')
    edit("a", "127.0.0.1:7411", "127.0.0.1:0")
    words = f"Choose another node.metrics than {taken}, or stop what uses it: it is in use."
    assert words in found(capsys, "a")
    said = say(capsys, "node", "a")
    assert (said.status, said.err) == (2, f"gossipfl: {words}\n")


def test_a_node_that_runs_has_its_ports(
    lines: dict[str, str], taken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edit("a", "127.0.0.1:7411", taken)
    with StateFolder(Path("a/state")).held():
        told = found(capsys, "a")
        assert any("ok: The node runs, as process" in words for words in told)
        assert not any("node.listen" in words for words in told)
    assert any("Choose another node.listen" in words for words in found(capsys, "a"))


def test_a_host_that_nobody_knows_is_told_from_a_node_that_does_not_run(
    lines: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    say(capsys, "peer", "add", "a", lines["b"].replace("127.0.0.1", f"{'no' * 40}.invalid"))
    assert found(capsys, "a")[-1].endswith(
        ".invalid is known, where b should be: correct it, or ask b for its line again."
    )


def test_a_node_that_is_not_there_is_a_mistake_of_who_asks(
    lines: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("doctor", "node", "status"):
        said = say(capsys, command, "nowhere")
        assert (said.status, said.out) == (2, "")
        assert 'There is no node at "nowhere": name its folder' in said.err
