"""`gossipfl status`: a real node seen from outside, and every way in which it cannot be seen."""

from __future__ import annotations

import http.server
import json
import re
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from commandline import say, start, wait_until
from prometheus_client.parser import text_string_to_metric_families
from test_cli_consortium import free_ports
from test_pages import VITALS

from gossipfl.cli.pages import pages
from gossipfl.cli.slowness import TRAINING_S

PATIENCE_S = 600.0
"""Two processes start within a minute or two even where many others do; see `wait_until`."""

ROWS = "age,dose,sick\n" + "".join(f"{30 + i},{i % 5},{'yes' if i % 3 else 'no'}\n" for i in range(60))


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Two nodes that know each other, in the folders `a` and `b`; returns where `a` can be looked at."""
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text(ROWS, "utf-8")
    *ports, seen = free_ports(3)
    lines: dict[str, str] = {}
    for name, port in zip("ab", ports, strict=True):
        schema = ("--schema", "a/schema.json") if lines else ("--target", "sick")
        made = say(capsys, "init", name, "--csv", "rows.csv", *schema, "--listen", f"127.0.0.1:{port}")
        assert made.status == 0, made.err
        lines[name] = made.out.strip()
    for name, other in ("ab", "ba"):
        assert say(capsys, "peer", "add", name, lines[other]).status == 0
    metrics = f"127.0.0.1:{seen}"
    for name in "ab":
        file = Path(name, "node.toml")
        words = file.read_text("utf-8").replace("rounds = 30", "rounds = 100000")
        if name == "a":
            words = words.replace("wait_s", f'metrics = "{metrics}"\nwait_s')
        file.write_text(words, "utf-8")
    return metrics


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to ask a process to end")
def test_a_node_is_seen_from_outside_while_it_learns_and_loses_its_neighbour(
    pair: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(TRAINING_S, "0.2")

    def seen() -> dict[str, Any]:
        said = say(capsys, "status", "a", "--json")
        return json.loads(said.out) if said.status == 0 else {}

    with ExitStack() as stack:
        nodes = {}
        for name in "ab":
            nodes[name] = start("node", name, cwd=Path.cwd())
            stack.callback(nodes[name].communicate)
            stack.callback(nodes[name].kill)
        wait_until(lambda: seen().get("updates", {}).get("heard", 0) > 1, "a hears b", PATIENCE_S)
        told = seen()
        assert (told["name"], told["rounds"], told["trouble"]) == ("a", 100000, "")
        assert [(each["name"], each["shut_out"]) for each in told["neighbours"]] == [("b", False)]
        assert told["traffic"]["bytes_received"] > told["traffic"]["messages_received"] > 1
        with urllib.request.urlopen(f"http://{pair}/metrics", timeout=60) as answer:
            kind, text = answer.headers["content-type"], answer.read().decode()
        assert kind.startswith("text/plain; version=0.0.4")
        read = {s.name: s.value for f in text_string_to_metric_families(text) for s in f.samples}
        assert read["gossipfl_round"] >= told["round"]
        assert read["gossipfl_boot_epoch"] == pytest.approx(told["epoch"])
        nodes["b"].kill()
        wait_until(lambda: '"presence": "gone"' in json.dumps(seen()), "b is missed", PATIENCE_S)
        said = say(capsys, "status", pair)
        assert said.status == 0
        assert said.out.startswith("a: healthy\nround ")
        assert "\n  b: gone, in round " in said.out
        nodes["a"].send_signal(signal.SIGTERM)
        _, words = nodes["a"].communicate(timeout=PATIENCE_S)
        assert nodes["a"].returncode == 0, words
    gone = say(capsys, "status", "a")
    assert (gone.status, gone.out) == (1, "")
    assert "No node answers at 127.0.0.1" in gone.err


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """Something at an address that answers every request with `body`."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


STATUS = pages(lambda: VITALS)["/status"]().body


def test_trouble_is_shown_and_makes_the_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    stuck = STATUS.replace(b'"trouble": ""', b'"trouble": "no round was closed for 70 s"')
    assert stuck != STATUS
    with answering(stuck) as where:
        said = say(capsys, "status", where)
        assert said.status == 1
        assert said.out.startswith("hospital-a: no round was closed for 70 s\n")
        assert said.err == "gossipfl: hospital-a is in trouble: no round was closed for 70 s.\n"
        as_json = say(capsys, "status", where, "--json")
        assert as_json.status == 1
        assert json.loads(as_json.out)["trouble"]


def test_on_a_terminal_the_view_is_renewed_until_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(time, "sleep", sleep)
    with answering(STATUS) as where:
        said = say(capsys, "status", where)
    assert (said.status, said.err, waits) == (0, "", [1.0] * 3)
    assert said.out.count("hospital-a: healthy") >= 3


@pytest.mark.parametrize("body", [b"", b"hello", b"[]", b'{"healthy": true}'])
def test_something_else_at_the_address_is_told_from_a_node(
    body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(body) as where:
        said = say(capsys, "status", where)
    assert said.status == 1
    assert "is no node of gossipfl" in said.err


def test_a_page_of_another_node_is_not_taken_for_that_of_the_one_asked_for(
    pair: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own = json.loads(say(capsys, "key", "show", "a", "--json").out)["fingerprint"]
    named = STATUS.replace(b'"hospital-a"', b'"a"')
    for body, status in ((STATUS, 2), (named, 2), (named.replace(b"9f3c-02ab-77d0-e5a1", own.encode()), 0)):
        with answering(body) as where:
            file = Path("a", "node.toml")
            file.write_text(
                re.sub('metrics = ".*?"', f'metrics = "{where}"', file.read_text("utf-8"), count=1)
            )
            said = say(capsys, "status", "a")
        assert said.status == status, said.err
        assert (f"Another node answers at {where}" in said.err) == bool(status)


def test_a_run_that_is_over_is_told_from_a_node_that_is_down(
    pair: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "ab":  # b does not say where to look in
        state = Path(name, "state")
        state.mkdir()
        (state / "summary.json").write_text('{"finished": 1, "round": 30}', "utf-8")
        said = say(capsys, "status", name)
        assert (said.status, said.out) == (1, "")
        words = f"gossipfl: {name} runs no more: it has finished, in round 30; its model is "
        assert said.err == f"{words}{state / 'model.safetensors'}.\n"


def test_what_must_be_done_first_is_said_in_one_sentence(
    pair: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def misuse(words: str, *arguments: str) -> None:
        said = say(capsys, "status", *arguments)
        assert (said.status, said.out) == (2, "")
        assert words in said.err
        assert said.err.count("\n") == 1

    misuse("b/node.toml does not say where to look in: add metrics = ", "b")
    misuse('There is no node at "."')
    misuse('There is no node at "nowhere"', "nowhere")
    misuse("with a port from 0 to 65535", "127.0.0.1:99999")
    monkeypatch.chdir("a")
    assert "No node answers at " + pair in say(capsys, "status").err


@pytest.mark.parametrize(
    "metrics", ["0.0.0.0:9464", "192.0.2.1:9464", "example.org:9464", "127.0.0.1:0", "9464"]
)
def test_only_who_is_on_the_machine_may_look_in(
    metrics: str, pair: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path("a", "node.toml")
    file.write_text(file.read_text("utf-8").replace(pair, metrics), "utf-8")
    for command in ("node", "status"):
        said = say(capsys, command, "a")
        assert said.status == 2
        assert "node.metrics: " in said.err
        assert metrics in said.err
