"""Wrong input ends with status 2 and one sentence that says what to do, and without a traceback."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import say

ROWS = "age,dose,sick\n" + "".join(f"{30 + i},{i % 5},{'yes' if i % 3 else 'no'}\n" for i in range(12))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("good.csv").write_text(ROWS, "utf-8")
    Path("word.csv").write_text(ROWS.replace("33,3", "33,abc"), "utf-8")
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], words: str, *arguments: object) -> None:
    said = say(capsys, *arguments)
    assert said.status == 2, said
    assert said.out == ""
    sentence = said.err.strip().splitlines()[-1]
    assert sentence.startswith("gossipfl: ")
    assert sentence.endswith((".", "?"))
    assert words in sentence
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("learning.round=3", 'unknown key "learning.round": did you mean "rounds"?'),
        ("lerning.rounds=3", 'unknown key "lerning": did you mean "learning"?'),
        ("learning.rounds=abc", '"learning.rounds" cannot be "abc": it must be a whole number.'),
        ("learning.rounds=0", '"learning.rounds" cannot be 0: it must be 1 or more.'),
        ("learning.momentum=1.0", '"learning.momentum" cannot be 1.0: it must be below 1.0.'),
        ("learning.rounds", "--set takes section.key=value"),
        ("rounds=3", "--set takes section.key=value"),
        ("run.seed=-1", '"run.seed" cannot be -1'),
        ("data.dataset=digit", 'did you mean "digits"?'),
        ("data.split=dirichle", "'dirichlet'"),
        ("data.alpha=0.5", "leave out data.alpha: it is for the split dirichlet or quantity"),
        ("data.target=y", "leave out data.target"),
        ("data.file=no.csv", "no.csv needs data.target"),
        ("topology.kind=rin", "did you mean"),
        ("topology.degree=4", "The topology ring has no option"),
        ("topology.peers=1500", "ask for at most 1438 peers"),
        ("topology.peers=1", "it must be 2 or more"),
        ("topology.file=no.edges", "no.edges"),
        ("model.kind=softmx", 'did you mean "softmax"?'),
        ("model.kind=linear", "cannot learn classes"),
        ("model.hidden=[3]", "leave out model.hidden"),
        ("learning.steps=5", "leave out learning.epochs"),
        ("learning.algorithm=dpsg", 'did you mean "dpsgd"?'),
        ("robust.rule=krumm", 'did you mean "krum"?'),
        ('faults.kill="2@5"', "it must be a list"),
        ('faults.kill=["2-5"]', "write it as PEER@ROUND"),
        ('faults.kill=["9@5"]', "peers are 0 to 7"),
        ('faults.kill=["2@5", "2@6"]', "peer 2 is gone by then"),
        ('faults.kill=["2@31"]', "choose a round from 1 to 30"),
        ('faults.restart=["2@9"]', "kill peer 2 in an earlier round"),
        ("network.slow={9 = 2.0}", "peers are 0 to 7"),
    ],
)
def test_a_wrong_setting_is_refused(
    override: str, words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(capsys, words, "simulate", "ring-8", "--set", override)
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[learning", "is not valid TOML"),
        ("rounds = 3", 'unknown key "rounds"'),
        ("learning = 3", "it must be a section of its own"),
        ('[data]\nfile = "good.csv"\ntarget = "ill"', 'column "ill" is missing; known are'),
        ('[data]\nfile = "word.csv"\ntarget = "sick"\nschema = "x"', "leave out data.target"),
        ('[data]\nfile = "none.csv"\ntarget = "sick"', "none.csv: there is no such file"),
        ('[topology]\nfile = "two.edges"', "is disconnected"),
        ('[topology]\npeers = 20\n[data]\nfile = "good.csv"\ntarget = "sick"', "ask for at most"),
        ('[data]\nsplit = "column"', "needs data.column"),
        ('[data]\nsplit = "column"\ncolumn = "x"', "is no column to split by"),
        ('[model]\nkind = "MLPClassifier"\n[learning]\nlearning_rate = 0.1', "learning_rate_init"),
        ('[model]\nkind = "SGDClassifier"\n[learning]\nmomentum = 0.9', "leave out learning.momentum"),
    ],
)
def test_a_wrong_file_is_refused(
    text: str, words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "two.edges").write_text("a b\nc d\n", "utf-8")
    (folder / "mine.toml").write_text(text, "utf-8")
    refused(capsys, words, "simulate", "mine.toml")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["simulate", "nowhere.toml"], 'There is no file "nowhere.toml"'),
        (["simulate", "rng-8"], 'did you mean "ring-8"?'),
        (["simulate", "."], "is a directory"),
        (["simulate", "good.csv"], "is not valid TOML"),
        (["simulate", "ring-8", "--out", "good.csv"], "choose another --out"),
        (["simulate", "ring-8", "--out", "."], "is not empty: choose another --out"),
        (["up", "ring-8", "--out", "."], "is not empty: choose another --out"),
        (["up", "ring-8", "--kill", "2"], "--kill takes PEER@ROUND, such as 2@5"),
        (["up", "ring-8", "--kill", "9@2"], "peers are 0 to 7"),
        (["up", "ring-8", "--set", "network.reorder=0.5"], "network.reorder is for `gossipfl simulate`"),
        (["up", "ring-8", "--set", "attack.kind=alie"], "[attack] is for `gossipfl simulate`"),
        (["simulate", "--set", "attack.kind=ali"], "There is no attack 'ali': did you mean"),
        (["simulate", "--set", "attack.kind=nan", "--engine", "crowd"], "every peer refuses"),
        (["simulate", "--set", "attack.peers=2"], "leave out attack.peers: name an attack.kind"),
        (["simulate", "--set", "attack.kind=alie", "--set", "attack.peers=[1, 1]"], "each once"),
        (
            ["simulate", "--set", "attack.kind=alie", "--set", "attack.peers=[9]"],
            "There is no peer 9 to attack",
        ),
        (["simulate", "--set", "attack.kind=alie", "--set", "attack.peers=8"], "nobody is left"),
        (["simulate", "--set", "attack.kind=alie", "--set", "attack.from=31"], "choose a round up to 30"),
        (["simulate", "--set", "attack.kind=given"], "stands for a callable"),
        (["simulate", "--set", "attack.kind=alie", "--baseline", "local"], "does not hear attack.kind"),
        (["algorithms", "--attacks", "dpsgd"], "--attacks lists all attacks: leave out dpsgd"),
        (["up", "--sed", "3"], "see `gossipfl up --help`"),
        (["topology", "show", "rin"], "did you mean"),
        (["node", "nowhere"], 'There is no node at "nowhere"'),
        (["doctor", "good.csv", "x"], "see `gossipfl doctor --help`"),
        (["predict", "none.safetensors", "good.csv"], "There is no file none.safetensors"),
        (["predict", "good.csv", "good.csv"], "is not a safetensors file"),
        (["predict", ".", "good.csv"], "is a directory"),
        (["report", "nowhere"], "There is no run directory nowhere"),
        (["key", "show", "nowhere.key"], "gossipfl key new"),
        (["data", "schema", "good.csv", "--target", "ill"], 'column "ill" is missing'),
        (["data", "show", "digit"], 'did you mean "digits"?'),
    ],
)
def test_wrong_arguments_are_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(capsys, words, *arguments)


@pytest.fixture
def lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The nodes a and b, and the lines that `init` printed."""
    say(capsys, "data", "schema", "good.csv", "--target", "sick")
    options = ("--csv", "good.csv", "--schema", "schema.json", "--listen")
    return {
        name: say(capsys, "init", name, *options, f"127.0.0.1:{port}").out.strip()
        for name, port in (("a", 7411), ("b", 7412))
    }


def test_text_in_a_numeric_column_names_column_row_and_value(
    lines: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--schema", "schema.json", "--listen", "127.0.0.1:7413")
    refused(capsys, 'column "dose", row 4: "abc" is not a number', "init", "c", "--csv", "word.csv", *options)
    assert not Path("c").exists()


def test_a_folder_that_holds_a_node_is_left_alone(
    lines: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--csv", "good.csv", "--schema", "schema.json", "--listen", "127.0.0.1:7413")
    refused(capsys, "a holds a node already", "init", "a", *options)


def test_a_node_cannot_know_itself_nor_anybody_twice(
    lines: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = Path("a/node.toml").read_text("utf-8")
    refused(capsys, "its key is this node's own", "peer", "add", "a", lines["a"])
    refused(capsys, "their key is the same", "peer", "add", "a", lines["b"], lines["b"])
    refused(capsys, "Paste the whole line", "peer", "add", "a", "b")
    assert Path("a/node.toml").read_text("utf-8") == before
    for did in ("Added b", "Changed b"):
        assert say(capsys, "peer", "add", "a", lines["b"]).out.startswith(did)
    assert Path("a/node.toml").read_text("utf-8").count("[[peer]]") == 1


def test_a_node_without_peers_does_not_run(lines: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    refused(capsys, "gossipfl peer add", "node", "a")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_key_that_others_can_read_is_refused(
    lines: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a/node.key").chmod(0o644)
    refused(capsys, "Run `chmod 600", "node", "a")


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_a_port_in_use_is_refused(
    lines: dict[str, str], taken_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    say(capsys, "peer", "add", "a", lines["b"])
    file = Path("a/node.toml")
    file.write_text(file.read_text("utf-8").replace("7411", str(taken_port)), "utf-8")
    refused(capsys, f"127.0.0.1:{taken_port}", "node", "a")
    said = say(capsys, "doctor", "a", "--json")
    assert said.status == 1
    assert "or stop what uses it" in said.out
