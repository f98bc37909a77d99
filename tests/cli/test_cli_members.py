"""A signed list of members, as operators keep it: founded and changed by a quorum, while nodes run."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from commandline import say, start, wait_until

from gossipfl.cli.slowness import TRAINING_S
from gossipfl.node.keyfile import load_key
from gossipfl.node.membersfile import MembersFolder, lines_of
from gossipfl.protocol.council import Council
from gossipfl.protocol.identity import Address, parse_neighbour
from gossipfl.protocol.membership import NOTHING, Change, proposal
from gossipfl.protocol.moves import Move

NAMES = ("alpha", "beta", "gamma")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to end a process by")


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


Lines = dict[str, str]


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lines:
    """Four nodes, of which the first three know one another: the line of each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(TRAINING_S, "0.1")
    rows = "\n".join(f"{x},{(x * 7) % 5},{'a' if x % 2 else 'b'}" for x in range(60))
    Path("t.csv").write_text(f"x,y,kind\n{rows}\n", "utf-8")
    told: Lines = {}
    for name, port in zip((*NAMES, "delta"), free_ports(4), strict=True):
        shared = ["--schema", "alpha/schema.json"] if told else ["--target", "kind"]
        made = say(capsys, "init", name, "--csv", "t.csv", *shared, "--listen", f"127.0.0.1:{port}")
        assert made.status == 0, made.err
        told[name] = made.out.strip()
        file = Path(name, "node.toml")
        text = file.read_text("utf-8").replace("rounds = 30", "rounds = 100000").replace("3600", "2")
        file.write_text(text, "utf-8")
    for name in NAMES:
        others = [told[other] for other in NAMES if other != name]
        assert say(capsys, "peer", "add", name, *others).status == 0
    return told


def run(stack: ExitStack, name: str) -> subprocess.Popen[str]:
    process = start("node", name, cwd=Path())
    stack.callback(process.communicate)
    stack.callback(process.kill)
    return process


def peer(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    said = say(capsys, "peer", *arguments, "--json")
    assert said.status == 0, said.err
    return json.loads(said.out)


def serial(capsys: pytest.CaptureFixture[str], name: str) -> int:
    return int(peer(capsys, "list", name)["serial"])


def where(capsys: pytest.CaptureFixture[str], name: str, member: str) -> str:
    """At which address the node `name` sees a `member`."""
    members = peer(capsys, "list", name)["members"]
    return next(str(one["address"]) for one in members if one["name"] == member)


def links(name: str, place: int) -> list[str]:
    """What the node `name` has seen of the link to its neighbour at `place`."""
    file = Path(name, "state", "records.jsonl")
    text = file.read_text("utf-8") if file.exists() else ""
    records = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [one["state"] for one in records if one["kind"] == "link" and one["neighbour"] == place]


def heard(name: str) -> int:
    """Of how many neighbours the node's last round heard."""
    file = Path(name, "state", "records.jsonl")
    text = file.read_text("utf-8") if file.exists() else ""
    records = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return next((int(one["heard"]) for one in reversed(records) if one["kind"] == "round"), 0)


def each(names: Sequence[str], holds: Callable[[str], bool], what: str) -> None:
    """Wait until it `holds` of each node."""
    for name in names:
        wait_until(partial(holds, name), f"{what}: {name}")


def found(capsys: pytest.CaptureFixture[str]) -> None:
    """Found the list where no node runs, and wait until it holds where all of them do."""
    peer(capsys, "found", "alpha", "--quorum", "2")
    for name in NAMES[1:]:
        each([name], lambda name: bool(peer(capsys, "list", name)["proposed"]), "the founding is offered")
        peer(capsys, "sign", name)
    each(NAMES, lambda name: serial(capsys, name) == 1, "the list holds")


def test_a_fourth_node_is_added_to_three_that_run_and_revoked_while_it_does(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    with ExitStack() as stack:
        processes = {name: run(stack, name) for name in NAMES}
        found(capsys)
        wait_until(lambda: heard("alpha") == 2, "three learn")

        told = peer(capsys, "add", "alpha", lines["delta"])
        assert (told["missing"], told["holds"]) == (1, False)
        wait_until(lambda: bool(peer(capsys, "list", "gamma")["proposed"]), "it is proposed everywhere")
        assert peer(capsys, "sign", "gamma")["holds"]
        each(NAMES, lambda name: serial(capsys, name) == 2, "the second list holds")

        assert peer(capsys, "add", "delta", lines["alpha"]) == {"added": ["alpha"], "changed": []}
        processes["delta"] = run(stack, "delta")
        wait_until(lambda: bool(peer(capsys, "list", "delta")["proposed"]), "delta is offered the list")
        assert peer(capsys, "sign", "delta")["words"].startswith("list 1 of consortium")
        wait_until(lambda: serial(capsys, "delta") == 2, "delta has the list")
        wait_until(lambda: heard("delta") == 3, "delta found all others")
        wait_until(lambda: heard("beta") == 3, "beta hears all others")

        peer(capsys, "revoke", "beta", "delta")
        wait_until(lambda: bool(peer(capsys, "list", "alpha")["proposed"]), "it is proposed")
        assert links("alpha", 3)[-1] != "left"
        peer(capsys, "sign", "alpha")
        each(NAMES, lambda name: links(name, 3)[-1] == "left", "the live link is cut")
        each(NAMES, lambda name: heard(name) == 2, "the two others are heard")
        again = processes["delta"]
        again.send_signal(signal.SIGTERM)
        again.communicate(timeout=120)
        joined = links("alpha", 3).count("joined")
        run(stack, "delta")
        wait_until(lambda: "unknown-key" in Path("alpha/state/audit.jsonl").read_text("utf-8"), "it knocks")
        assert links("alpha", 3).count("joined") == joined

        for name in NAMES:
            processes[name].send_signal(signal.SIGTERM)
            _, err = processes[name].communicate(timeout=120)
            assert processes[name].returncode == 0, err
    verified = json.loads(say(capsys, "audit", "verify", "alpha", "--json").out)
    assert verified["broken"] == ""


def test_a_node_that_was_off_learns_at_its_return_who_was_revoked_and_says_where_it_is_now(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    with ExitStack() as stack:
        processes = {name: run(stack, name) for name in NAMES}
        found(capsys)
        processes["gamma"].send_signal(signal.SIGTERM)
        processes["gamma"].communicate(timeout=120)
        peer(capsys, "revoke", "alpha", "gamma")
        wait_until(lambda: bool(peer(capsys, "list", "beta")["proposed"]), "it is proposed")
        peer(capsys, "sign", "beta")
        wait_until(lambda: serial(capsys, "alpha") == 2, "it holds")
        processes["beta"].send_signal(signal.SIGTERM)
        processes["beta"].communicate(timeout=120)
        peer(capsys, "add", "alpha", lines["delta"])  # while beta is off
        file, before, (port,) = Path("beta/node.toml"), parse_neighbour(lines["beta"]).address, free_ports(1)
        file.write_text(file.read_text("utf-8").replace(str(before), f"127.0.0.1:{port}", 1), "utf-8")
        run(stack, "beta")
        wait_until(lambda: bool(peer(capsys, "list", "beta")["proposed"]), "beta hears it at its return")
        peer(capsys, "sign", "beta")
        wait_until(lambda: serial(capsys, "alpha") == 3, "it holds")
        assert [one["name"] for one in peer(capsys, "list", "beta")["members"]].count("gamma") == 0
        wait_until(lambda: where(capsys, "alpha", "beta") == f"127.0.0.1:{port}", "alpha sees where beta is")


def test_a_member_that_moved_is_shown_where_it_is_and_where_it_is_listed(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    council = Council(b"", lambda _: None)
    members = tuple(sorted((parse_neighbour(lines[name]) for name in NAMES), key=lambda peer: peer.key))
    alpha, beta = (load_key(Path(name, "node.key")) for name in NAMES[:2])
    founding = Change("consortium", 1, NOTHING, alpha.key, 1, 1, members)
    council.resume([proposal(alpha, founding)], [], [], founding.digest)
    move = Move(beta.key, founding.digest, 5, Address("192.0.2.9", 7400)).signed_by(beta)
    council.moves.resume(move, council.current)
    MembersFolder(Path("alpha/state")).keep(lines_of(council))
    listed = str(parse_neighbour(lines["beta"]).address)
    (shown,) = (one for one in peer(capsys, "list", "alpha")["members"] if one["name"] == "beta")
    assert (shown["address"], shown["listed"]) == ("192.0.2.9:7400", listed)
    said = say(capsys, "peer", "list", "alpha").out
    assert f"beta  192.0.2.9:7400 (listed at {listed})" in said
    assert said.count("listed at") == 1


def test_without_a_list_peers_are_added_to_and_removed_from_the_file_as_ever(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Path("alpha/node.toml").read_text("utf-8")
    assert [one["name"] for one in peer(capsys, "list", "alpha")["listed"]] == ["beta", "gamma"]
    assert peer(capsys, "add", "alpha", lines["delta"]) == {"added": ["delta"], "changed": []}
    assert peer(capsys, "remove", "alpha", "gamma") == {"removed": ["gamma"]}
    assert peer(capsys, "revoke", "alpha", "delta") == {"removed": ["delta"]}
    file = tomllib.loads(Path("alpha/node.toml").read_text("utf-8"))
    assert [one["name"] for one in file["peer"]] == ["beta"]
    assert Path("alpha/node.toml").read_text("utf-8").startswith(before[: before.index("[[peer]]")])
    unknown = say(capsys, "peer", "remove", "alpha", "nobody")
    assert unknown.status == 2
    assert "no peer called 'nobody'" in unknown.err


def test_a_line_that_is_added_again_corrects_what_the_file_says(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path("alpha/node.toml")
    file.write_text(
        file.read_text("utf-8").replace('name = "beta"', 'name = "beta"\nreserve = true'), "utf-8"
    )
    name, _, key = lines["beta"].partition("@")[0], *lines["beta"].partition("#")[1:]
    assert peer(capsys, "add", "alpha", f"{name}@192.0.2.7:7400#{key}") == {"added": [], "changed": ["beta"]}
    listed = {one["name"]: one for one in tomllib.loads(file.read_text("utf-8"))["peer"]}
    assert set(listed) == {"beta", "gamma"}
    assert (listed["beta"]["address"], listed["beta"]["reserve"]) == ("192.0.2.7:7400", True)
    other = say(capsys, "peer", "add", "alpha", f"beta@192.0.2.7:7400#{lines['delta'].partition('#')[2]}")
    assert other.status == 2
    assert "peer remove alpha beta" in other.err


def test_what_a_node_proposed_is_not_dropped_without_a_word(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    first = peer(capsys, "found", "alpha", "--quorum", "2")
    again = say(capsys, "peer", "found", "alpha", "--quorum", "1")
    assert again.status == 2
    assert f"{first['change']} waits for" in again.err
    council = Council(b"", lambda _: None)
    members = tuple(sorted((parse_neighbour(lines[name]) for name in NAMES), key=lambda peer: peer.key))
    alpha = load_key(Path("alpha", "node.key"))
    founding = Change("consortium", 1, NOTHING, alpha.key, 1, 2, members)
    signed = proposal(alpha, founding)
    for name in NAMES[1:]:
        signed = signed.signed_by(load_key(Path(name, "node.key")))
    council.resume([signed], [], [], founding.digest)
    MembersFolder(Path("beta/state")).keep(lines_of(council))
    assert peer(capsys, "revoke", "beta", "gamma")["missing"] == 1
    other = say(capsys, "peer", "add", "beta", lines["delta"])
    assert other.status == 2
    assert "revokes gamma" in other.err
    assert "--instead" in other.err
    (proposed,) = peer(capsys, "list", "beta")["proposed"]
    assert "revokes gamma" in proposed["words"]
    peer(capsys, "add", "beta", lines["delta"], "--instead")
    (proposed,) = peer(capsys, "list", "beta")["proposed"]
    assert "adds delta" in proposed["words"]
    nothing = say(capsys, "peer", "sign", "beta", "nosuch")
    assert (nothing.status, "Nothing waits" in nothing.err) == (2, True)


def test_what_a_list_forbids_is_refused_where_it_is_typed(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path("alpha/node.toml")
    before = file.read_text("utf-8")
    file.write_text(before.replace("127.0.0.1", "[::]", 1), "utf-8")
    said = say(capsys, "peer", "found", "alpha", "--quorum", "1")
    assert said.status == 2
    assert "Say in node.address where" in said.err
    file.write_text(before, "utf-8")
    for name in NAMES[:2]:
        peer(capsys, "found" if name == "alpha" else "list", name, *(["--quorum", "1"] * (name == "alpha")))
    assert serial(capsys, "alpha") == 1
    twin = lines["delta"].replace("delta", "Be-ta")
    for arguments, why in (
        (["add", "alpha", twin], "has the name of beta"),
        (["remove", "alpha", "delta"], "No member is called 'delta'"),
        (["found", "alpha", "--quorum", "2"], "holds already"),
        (["sign", "alpha"], "Nothing waits"),
        (["found", "beta", "--quorum", "9"], "nobody can reach"),
    ):
        said = say(capsys, "peer", *arguments)
        assert said.status == 2
        assert why in said.err
    assert peer(capsys, "revoke", "alpha", "gamma")["holds"]
    assert [one["name"] for one in peer(capsys, "list", "alpha")["revoked"]] == ["gamma"]
    assert "revoked: gamma" in say(capsys, "peer", "list", "alpha").out
    gone = say(capsys, "peer", "add", "alpha", lines["gamma"])
    assert gone.status == 2
    assert "revoked" in gone.err
