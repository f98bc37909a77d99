"""What people write: experiments, campaigns, node files, overrides, lines of peers, and files of faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from fuzzing.streams import MEMBER, OWN, THIRD
from fuzzing.target import file_of, refusing
from gossipfl.errors import UserError
from gossipfl.experiment.adversity import ChurnSettings, FaultsSettings, NetworkSettings
from gossipfl.experiment.files import bundled, presets, read_experiment
from gossipfl.experiment.nodefile import read_node_file, roster_of
from gossipfl.experiment.planning import plans_of, rules_of
from gossipfl.experiment.stress import read_campaign
from gossipfl.protocol.identity import Address, Neighbour, parse_address, parse_key, parse_neighbour

_PEER = Neighbour("north", Address("192.0.2.7", 7400), MEMBER.key)
_NODE = f"""
[node]
name = "own"
listen = "127.0.0.1:7400"
metrics = "[::1]:9464"
place = 0
[data]
file = "rows.csv"
schema = "schema.json"
[topology]
kind = "ring"
peers = 3
[learning]
rounds = 20
[[peer]]
name = "north"
address = "192.0.2.7:7400"
key = "{MEMBER.key.hex()}"
place = 1
[[peer]]
name = "south"
address = "south.example.org:7400"
key = "{THIRD.key.hex()}"
place = 2
reserve = false
"""


def _experiment(data: bytes) -> None:
    read_experiment(file_of("experiment.toml", data))


def _campaign(data: bytes) -> None:
    read_campaign(file_of("campaign.toml", data))


def _override(data: bytes) -> None:
    read_experiment("ring-8", [data.decode("utf-8", "surrogateescape")])


def _node_file(data: bytes) -> None:
    roster_of(read_node_file(file_of("node.toml", data)), OWN.key)


def _line(data: bytes) -> None:
    peer = parse_neighbour(data.decode("utf-8", "surrogateescape"))
    if parse_neighbour(str(peer)) != peer:
        raise AssertionError(f"{peer!r} is read in two ways.")


def _address(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    address = parse_address(text)
    if parse_address(str(address)) != address:
        raise AssertionError(f"{address!r} is read in two ways.")


def _public_key(data: bytes) -> None:
    if len(parse_key(data.decode("utf-8", "surrogateescape"))) != 32:
        raise AssertionError("A key is not of 32 bytes.")


def _trace(data: bytes) -> None:
    plans_of(FaultsSettings(churn=ChurnSettings(trace=str(file_of("trace.csv", data)))))


def _latency(data: bytes) -> None:
    rules_of(NetworkSettings(latency_file=str(file_of("latency.csv", data))), 3, 0)


def _texts(*texts: str) -> Callable[[], Iterator[bytes]]:
    return lambda: (text.encode() for text in texts)


def _files(paths: Callable[[], dict[str, Path]]) -> Callable[[], Iterator[bytes]]:
    return lambda: (path.read_bytes() for _, path in sorted(paths().items()))


SETTINGS = (
    refusing("experiment", _experiment, _files(bundled), UserError),
    refusing("campaign", _campaign, _files(presets), UserError),
    refusing(
        "override",
        _override,
        _texts(
            "learning.rounds=20",
            'topology.kind="grid"',
            "learning.options={momentum = 0.5}",
            "data.split=iid",
        ),
        UserError,
    ),
    refusing(
        "node-file",
        _node_file,
        _texts(_NODE, _NODE.partition("place = 0")[0] + "[data]\nprepared = 'rows.npz'\n"),
        UserError,
    ),
    refusing(
        "peer-line", _line, _texts(f" {_PEER}\n", str(_PEER).replace("192.0.2.7", "[2001:db8::7]")), UserError
    ),
    refusing("address", _address, _texts("clinic.example.org:7400", "[::1]:0", "192.0.2.7:65535"), UserError),
    refusing("public-key", _public_key, _texts(MEMBER.key.hex()), UserError),
    refusing("trace", _trace, _texts("peer,leaves_s,returns_s\n0,1.5,3\n2,4,\n"), UserError),
    refusing("latency", _latency, _texts("0,1,2\n1,0,0.5\n2,0.5,0\n"), UserError),
)
