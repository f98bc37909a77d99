"""A topology keeps its peers, edges and names in order."""

from __future__ import annotations

import json
from pathlib import Path

import networkx
import numpy as np
import pytest

from gossipfl.errors import TopologyError
from gossipfl.topology import Topology, build_topology, read_topology


def test_edges_are_ordered_merged_and_loopless() -> None:
    topology = Topology.from_edges(4, [(3, 0), (0, 3), (2, 2), (1, 0), (2, 1)])
    assert topology.edges.tolist() == [[0, 1], [0, 3], [1, 2]]
    assert [topology.neighbours(peer) for peer in range(4)] == [(1, 3), (0, 2), (1,), (0,)]
    assert topology.degrees.tolist() == [2, 2, 1, 1]


def test_the_adjacency_matrix_is_that_of_networkx() -> None:
    graph = networkx.petersen_graph()
    topology = Topology.from_graph(graph)
    assert np.array_equal(topology.adjacency().toarray(), networkx.to_numpy_array(graph))
    assert topology.diameter == networkx.diameter(graph)


def test_compressed_rows_list_the_neighbours_of_every_peer_in_order() -> None:
    topology = build_topology("scale-free", 40)
    starts, ends = topology.rows
    assert np.array_equal(np.diff(starts), topology.degrees)
    dense = topology.adjacency().toarray()
    for peer in range(40):
        mine = ends[starts[peer] : starts[peer + 1]].tolist()
        assert mine == np.flatnonzero(dense[peer]).tolist() == list(topology.neighbours(peer))


def test_labels_become_names() -> None:
    graph: networkx.Graph[str] = networkx.Graph([("ada", "bob"), ("bob", "cy")])
    assert Topology.from_graph(graph).names == ("ada", "bob", "cy")


def test_a_directed_graph_is_refused() -> None:
    with pytest.raises(TopologyError, match="directed"):
        Topology.from_graph(networkx.DiGraph([(0, 1)]))


@pytest.mark.parametrize(
    ("peers", "edges", "names", "words"),
    [
        (1, [], None, "at least 2"),
        (3, [(0, 3)], None, "peer 3"),
        (3, [(0, 1)], ["a", "b"], "2 names"),
        (2, [(0, 1)], ["a", "a"], "'a'"),
        (6, [(0, 1, 2), (3, 4, 5)], None, "pairs of whole numbers"),
        (3, [(0.9, 1.2)], None, "pairs of whole numbers"),
        (3, [(0, 1), (2,)], None, "pairs of whole numbers"),
    ],
)
def test_impossible_edges_and_names_are_refused(
    peers: int, edges: list[tuple[float, ...]], names: list[str] | None, words: str
) -> None:
    with pytest.raises(TopologyError, match=words):
        Topology.from_edges(peers, edges, names)


def test_positions_that_cannot_be_drawn_are_refused() -> None:
    record = {"names": ["a", "b"], "edges": [[0, 1]], "positions": [[float("nan"), 1], [0, 0]]}
    with pytest.raises(TopologyError, match="finite"):
        Topology.from_record(record)


def test_a_disconnected_graph_is_refused_with_its_components() -> None:
    with pytest.raises(TopologyError, match="3 components"):
        Topology.from_edges(4, [(0, 1)]).refuse_disconnected()


def test_a_record_survives_json() -> None:
    topology = build_topology("torus", 9)
    again = Topology.from_record(json.loads(json.dumps(topology.record())))
    assert again.record() == topology.record()
    assert again.name == "torus"


def test_a_huge_graph_is_recorded_in_figures_which_are_no_graph(tmp_path: Path) -> None:
    record = build_topology("torus", 40_000).record()
    assert record == {
        "name": "torus",
        "peers": 40_000,
        "edges": 80_000,
        "degree_min": 4,
        "degree_mean": 4.0,
        "degree_max": 4,
    }
    (tmp_path / "graph.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(TopologyError, match="build it again"):
        read_topology(tmp_path / "graph.json")


def test_a_large_graph_states_a_lower_bound_of_its_diameter() -> None:
    topology = build_topology("ring", 5000)
    assert (topology.diameter, topology.diameter_at_least) == (None, 2500)
