"""Graph files of every kind give the graph they hold, or one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import networkx
import pytest

from gossipfl.errors import TopologyError
from gossipfl.topology import Topology, build_topology, files, read_topology

NAMES = ("ada", "bob", "cy", "dee")
EDGES = [[0, 1], [0, 3], [1, 2], [2, 3]]


def _square() -> networkx.Graph[str]:
    graph: networkx.Graph[str] = networkx.Graph()
    graph.add_nodes_from(NAMES)
    graph.add_edges_from((NAMES[a], NAMES[b]) for a, b in EDGES)
    return graph


def _written(folder: Path, ending: str) -> Path:
    path, graph = folder / f"square{ending}", _square()
    if ending == ".graphml":
        networkx.write_graphml(graph, path)
    elif ending == ".gml":
        networkx.write_gml(graph, path)
    elif ending == ".adjlist":
        networkx.write_adjlist(graph, path)
    elif ending == ".json":
        path.write_text(json.dumps(networkx.node_link_data(graph, edges="links")), encoding="utf-8")
    else:
        lines = ["source,target"] if ending == ".csv" else ["# a square"]
        between = "," if ending == ".csv" else " "
        lines += [between.join((NAMES[a], NAMES[b], "1.0")) for a, b in EDGES]
        path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("ending", [".edges", ".txt", ".csv", ".adjlist", ".graphml", ".gml", ".json"])
def test_every_format_gives_the_same_graph(tmp_path: Path, ending: str) -> None:
    topology = read_topology(_written(tmp_path, ending))
    found = {frozenset((topology.names[a], topology.names[b])) for a, b in topology.edges.tolist()}
    assert found == {frozenset((NAMES[a], NAMES[b])) for a, b in EDGES}
    assert sorted(topology.names) == list(NAMES)


def test_numbered_peers_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "ring.edges"
    path.write_text("10 9\n9 2\n2 10\n", encoding="utf-8")
    assert read_topology(path).names == ("2", "9", "10")


def test_the_graph_of_a_run_can_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    topology: Topology = build_topology("grid", 6)
    path.write_text(json.dumps(topology.record()), encoding="utf-8")
    assert read_topology(path).record() == topology.record()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.edges", "a b\nc\n", "line 2"),
        ("a.edges", "", "at least 2 peers"),
        ("a.edges", "a b\nc d\n", "2 components"),
        ("a.gml", "graph [ node", "malformed"),
        ("a.graphml", "<graphml>", "malformed"),
        ("a.graphml", '<!DOCTYPE g [<!ENTITY e "x">]><graphml>&e;</graphml>', "document type"),
        ("a.json", "{", "malformed"),
        ("a.json", "[]", "not a JSON object"),
        ("a.json", '{"directed": true, "nodes": [{"id": 0}, {"id": 1}], "edges": []}', "directed"),
        ("a.xyz", "a b\n", "unknown ending"),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path: Path, name: str, text: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TopologyError, match=words) as caught:
        read_topology(path)
    assert "\n" not in str(caught.value)


def test_an_absent_file_and_binary_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match="no graph file"):
        read_topology(tmp_path / "absent.gml")
    (tmp_path / "b.gml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TopologyError, match="UTF-8"):
        read_topology(tmp_path / "b.gml")


def test_a_file_over_the_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FILE_BYTES_MAX", 3)
    (tmp_path / "a.edges").write_text("a b\n", encoding="utf-8")
    with pytest.raises(TopologyError, match="smaller"):
        read_topology(tmp_path / "a.edges")


def test_a_disconnected_file_may_be_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.edges").write_text("a b\nc d\n", encoding="utf-8")
    assert read_topology(tmp_path / "a.edges", allow_disconnected=True).components == 2
