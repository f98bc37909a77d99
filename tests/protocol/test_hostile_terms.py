"""Node files that do not fit one another or their graph: each is refused, by the name of what differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gossipfl.data import load_dataset
from gossipfl.errors import SettingsError
from gossipfl.experiment.member import Member, read_member
from gossipfl.experiment.prepared import write_prepared
from gossipfl.protocol.identity import Identity, peer_number
from gossipfl.protocol.manifest import differences

BASE = {"kind": "base", "peers": 3, "degree": 1}
CHOCO = {"algorithm": "choco-diffusion", "compressor": "top-k"}
SQUEEZE = {"algorithm": "deepsqueeze", "compressor": "int8"}
KEYS = [Identity(bytes([place]) * 32).key for place in range(8)]


def member(
    folder: Path, places: tuple[int, ...] = (0, 1, 2), topology: dict[str, Any] | None = None, **sections: Any
) -> Member:
    """The first of three nodes that stand at `places`, if there is a `topology`."""
    import tomli_w

    rows = folder / "rows.npz"
    if not rows.exists():
        write_prepared(rows, load_dataset("wine"), np.arange(40))
    at = [{"place": place} if topology else {} for place in places]
    peers = [
        {"name": f"peer-{place}", "address": f"192.0.2.1:{7400 + place}", "key": KEYS[place].hex()} | where
        for place, where in zip(places[1:], at[1:], strict=True)
    ]
    table = {"node": {"name": "own", "listen": "127.0.0.1:7400"} | at[0], "data": {"prepared": "rows.npz"}}
    table |= sections | ({"topology": topology} if topology else {}) | {"peer": peers}
    file = folder / "node.toml"
    file.write_text(tomli_w.dumps(table), encoding="utf-8")
    return read_member(file)


@pytest.mark.parametrize(
    ("one", "other", "sections"),
    [
        ({"learning": SQUEEZE}, {"learning": SQUEEZE | {"compressor": "few-bits"}}, ("layout", "learning")),
        ({"learning": CHOCO}, {"learning": CHOCO | {"compression": {"share": 0.101}}}, ("learning",)),
        ({"learning": CHOCO}, {"learning": CHOCO | {"options": {"gain": 0.1}}}, ("learning",)),
        ({}, {"gossip": {"exchange": "push"}}, ("gossip",)),
        ({"gossip": {"exchange": "push"}}, {"gossip": {"exchange": "pull"}}, ("gossip",)),
        ({"topology": BASE}, {}, ("topology",)),
        ({"topology": BASE}, {"topology": BASE | {"degree": 2}}, ("topology",)),
        ({"topology": BASE}, {"topology": BASE | {"kind": "simple-base"}}, ("topology",)),
    ],
)
def test_nodes_that_differ_are_told_in_which_section(
    tmp_path: Path, one: dict[str, Any], other: dict[str, Any], sections: tuple[str, ...]
) -> None:
    mine, theirs = (member(tmp_path, **said).manifest() for said in (one, other))
    assert differences(mine.digests, theirs.digests) == sections
    assert mine.hash != theirs.hash


def test_nodes_with_other_graph_files_differ_whatever_these_are_called(tmp_path: Path) -> None:
    graph, terms = tmp_path / "graph.txt", []
    for edges in ("0 1\n1 2\n", "0 1\n1 2\n0 2\n"):
        graph.write_text(edges, encoding="utf-8")
        topology = {"file": str(graph), "peers": 3}
        terms.append(member(tmp_path, topology=topology, learning={"weights": "fastest"}).manifest())
    assert differences(terms[0].digests, terms[1].digests) == ("topology",)


@pytest.mark.parametrize(
    ("places", "kind", "message"),
    [
        ((5, 1, 2), "base", "place 5 is beyond"),
        ((0, 1, 7), "base", "place 7 is beyond"),
        ((1, 1, 2), "base", "all different"),
        ((0, 1), "complete", r"joins place 0 to 2: add its \[\[peer\]\]"),
        ((0, 2), "path", r"joins place 0 to 1: add its \[\[peer\]\]"),
    ],
)
def test_a_node_that_stands_nowhere_or_lacks_a_neighbour_is_refused(
    tmp_path: Path, places: tuple[int, ...], kind: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        member(tmp_path, places, topology={"kind": kind, "peers": 3})


def test_a_node_speaks_to_its_neighbours_in_the_graph_alone(tmp_path: Path) -> None:
    targets = member(tmp_path, (0, 1, 2), topology={"kind": "path", "peers": 3}).targets(KEYS[0])
    neighbour = peer_number(KEYS[1])
    assert tuple(targets.peers) == tuple(targets.speaks_to(1)) == (neighbour,)


def test_a_graph_file_is_looked_for_beside_the_node_file(tmp_path: Path) -> None:
    (tmp_path / "graph.txt").write_text("0 1\n1 2\n", encoding="utf-8")
    meeting = member(tmp_path, topology={"file": "graph.txt", "peers": 3}).meeting
    assert meeting is not None
    assert meeting.topology.edges.tolist() == [[0, 1], [1, 2]]
