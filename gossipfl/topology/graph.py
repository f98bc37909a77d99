"""A topology: which peers speak to which, as an undirected simple graph of numpy arrays.

Rules:
- Peers are 0 .. peers - 1; every edge (i, j) is stored once, i < j, in lexicographic order.
- Nothing here is quadratic in the number of peers, except the exact diameter, which is bounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gossipfl.errors import TopologyError

if TYPE_CHECKING:
    import networkx
    from scipy.sparse import csr_array

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Indices = NDArray[np.int32]

DIAMETER_PEERS_MAX = 2_000
DIAMETER_STEPS_MAX = 1_000_000_000
"""The exact diameter is searched up to here: one breadth-first search of (peers + 2 edges) steps per peer."""
RECORDED_PEERS_MAX = 20_000
RECORDED_EDGES_MAX = 500_000
"""What is written down of a larger graph is a few figures, not megabytes: its settings build it again."""


@dataclass(frozen=True, eq=False)
class Topology:
    """`peers` peers called `names` and joined by `edges` (m, 2); `name` is its family or its file.

    `positions` (peers, 2) is where they lie, if the family lays them out. Build one by `from_edges`,
    `from_graph`, `build_topology` or `read_topology`, which put the edges into order.
    """

    name: str
    peers: int
    edges: Integers
    names: tuple[str, ...]
    positions: Floats | None = None

    @classmethod
    def from_edges(
        cls, peers: int, edges: ArrayLike, names: Sequence[str] | None = None, *, name: str = "graph"
    ) -> Topology:
        """The graph of `edges` (m, 2) in any order; loops are dropped and repeated edges merged.

        Raises TopologyError for fewer than two peers, what are no pairs of whole numbers, an end outside
        0 .. peers - 1, or names that clash.
        """
        if peers < 2:
            raise TopologyError(f"A topology joins at least 2 peers, not {peers}; give it 2 or more.")
        pairs = _pairs(edges, name)
        outside = pairs[(pairs < 0) | (pairs >= peers)]
        if outside.size:
            raise TopologyError(
                f"An edge of {name} ends at peer {outside[0]}; with {peers} peers use 0 to {peers - 1}."
            )
        return cls(name, peers, _in_order(pairs, peers), _checked_names(names, peers))

    @classmethod
    def from_graph(cls, graph: networkx.Graph[Any], *, name: str | None = None) -> Topology:
        """A networkx graph, its nodes in their order and their labels as names; a directed one is refused."""
        title = name or str(graph.name) or "graph"
        if graph.is_directed():
            raise TopologyError(
                f"The graph {title} is directed, but peers speak both ways; give it undirected edges."
            )
        place = {node: index for index, node in enumerate(graph.nodes)}
        edges = [(place[a], place[b]) for a, b in graph.edges()]
        return cls.from_edges(len(place), edges, [str(node) for node in place], name=title)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Topology:
        """What `record` wrote, `names` and `edges` being enough; TopologyError for figures alone."""
        if "names" not in record:
            raise TopologyError(
                f"Of the graph {record.get('name')} of {record.get('peers')} peers figures were recorded, not"
                " edges; build it again from its settings."
            )
        names = [str(name) for name in record["names"]]
        graph = cls.from_edges(len(names), record["edges"], names, name=str(record.get("name", "graph")))
        positions = record.get("positions")
        return graph if positions is None else graph.placed(np.asarray(positions, np.float64))

    def record(self) -> dict[str, Any]:
        """As plain lists, for JSON; above RECORDED_PEERS_MAX or RECORDED_EDGES_MAX in figures alone."""
        if self.peers > RECORDED_PEERS_MAX or len(self.edges) > RECORDED_EDGES_MAX:
            return {"name": self.name, **self.figures()}
        record: dict[str, Any] = {"name": self.name, "names": list(self.names), "edges": self.edges.tolist()}
        return record if self.positions is None else {**record, "positions": self.positions.tolist()}

    def figures(self) -> dict[str, Any]:
        """How many peers and edges there are, and how many neighbours a peer has, ready for JSON."""
        degrees = self.degrees
        return {
            "peers": self.peers,
            "edges": len(self.edges),
            "degree_min": int(degrees.min()),
            "degree_mean": float(degrees.mean()),
            "degree_max": int(degrees.max()),
        }

    def placed(self, positions: Floats) -> Topology:
        """The same graph with its peers at `positions` (peers, 2), which are finite, or TopologyError."""
        if positions.shape != (self.peers, 2) or not np.isfinite(positions).all():
            raise TopologyError(
                f"The positions of {self.name} are not two finite numbers per peer; correct them."
            )
        return replace(self, positions=positions)

    @cached_property
    def rows(self) -> tuple[Indices, Indices]:
        """All neighbours, peer after peer: (starts, ends), of shapes (peers + 1,) and (2 edges,).

        The neighbours of peer i, in ascending order, are ends[starts[i] : starts[i + 1]]: the rows of
        `adjacency`, compressed.
        """
        upper = _upper(self.edges[:, 0], self.edges[:, 1], self.peers)
        whole = upper + upper.T.tocsr()
        return whole.indptr, whole.indices

    def neighbours(self, peer: int) -> tuple[int, ...]:
        """The peers that `peer` speaks to, in ascending order."""
        starts, ends = self.rows
        return tuple(ends[starts[peer] : starts[peer + 1]].tolist())

    @cached_property
    def degrees(self) -> Integers:
        """How many neighbours each peer has, (peers,)."""
        return np.bincount(self.edges.ravel(), minlength=self.peers).astype(np.int64)

    def adjacency(self) -> csr_array:
        """The symmetric matrix (peers, peers) that is 1.0 on edges."""
        from scipy.sparse import csr_array

        starts, ends = self.rows
        return csr_array((np.ones(len(ends)), ends, starts), shape=(self.peers, self.peers))

    @cached_property
    def components(self) -> int:
        """Into how many parts the graph falls that cannot reach one another."""
        from scipy.sparse.csgraph import connected_components

        # A symmetric matrix has strong components alone, and they are found without its transpose.
        count, _ = connected_components(self.adjacency(), connection="strong")
        return int(count)

    @property
    def connected(self) -> bool:
        """Whether every peer can be reached from every other."""
        return self.components == 1

    def refuse_disconnected(self) -> Topology:
        """This topology, or TopologyError if it falls into parts."""
        if self.connected:
            return self
        raise TopologyError(
            f"The topology {self.name} of {self.peers} peers is disconnected: it falls into "
            f"{self.components} components; add edges between them, or allow a disconnected graph."
        )

    @cached_property
    def diameter(self) -> int | None:
        """The longest shortest path, in hops; None if there is none or if the graph is too large to search.

        A search takes at most DIAMETER_PEERS_MAX peers and DIAMETER_STEPS_MAX steps.
        """
        if not self.connected:
            return None
        if len(self.edges) == self.peers * (self.peers - 1) // 2:
            return 1
        if len(self.edges) == self.peers - 1:
            return self.diameter_at_least  # in a tree the double sweep is exact
        steps = self.peers * (self.peers + 2 * len(self.edges))
        if self.peers > DIAMETER_PEERS_MAX or steps > DIAMETER_STEPS_MAX:
            return None
        return max(self._farthest(peer)[1] for peer in range(self.peers))

    @cached_property
    def diameter_at_least(self) -> int | None:
        """A lower bound on the diameter, in hops, by two breadth-first searches; None if disconnected."""
        return self._farthest(self._farthest(0)[0])[1] if self.connected else None

    def _farthest(self, peer: int) -> tuple[int, int]:
        """A peer farthest from `peer`, and how many hops away it is."""
        from scipy.sparse.csgraph import breadth_first_order

        order, before = breadth_first_order(self._matrix, peer, directed=True)
        last, hops, previous = int(order[-1]), 0, before.tolist()
        here = last
        while here != peer:
            here, hops = previous[here], hops + 1
        return last, hops

    @cached_property
    def _matrix(self) -> csr_array:
        return self.adjacency()


def _pairs(edges: ArrayLike, name: str) -> Integers:
    """Edges (m, 2); a third column, such as a weight, and fractions are refused, not cut off."""
    try:
        pairs = np.asarray(edges)
    except ValueError:  # ragged
        pairs = np.zeros(1)
    if not pairs.size:
        return np.empty((0, 2), np.int64)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
        raise TopologyError(f"The edges of {name} are not pairs of whole numbers; give each as two of them.")
    return pairs.astype(np.int64)


def _in_order(pairs: Integers, peers: int) -> Integers:
    """Each edge once, its lower end first, in lexicographic order, without loops."""
    low, high = np.minimum(pairs[:, 0], pairs[:, 1]), np.maximum(pairs[:, 0], pairs[:, 1])
    apart = low != high
    upper = _upper(low[apart], high[apart], peers)
    return np.stack((np.repeat(np.arange(peers), np.diff(upper.indptr)), upper.indices), axis=1)


def _upper(low: Integers, high: Integers, peers: int) -> csr_array:
    """The boolean matrix (peers, peers) of edges low - high, in order: sorted row by row, which is linear."""
    from scipy.sparse import csr_array

    ends = (low.astype(np.int32), high.astype(np.int32))
    matrix = csr_array((np.ones(len(low), np.bool_), ends), shape=(peers, peers))
    matrix.sum_duplicates()
    return matrix


def _checked_names(names: Sequence[str] | None, peers: int) -> tuple[str, ...]:
    if names is None:
        return tuple(map(str, range(peers)))
    if len(names) != peers:
        raise TopologyError(f"There are {len(names)} names for {peers} peers; give each peer one name.")
    if len(set(names)) < peers:
        twice = next(name for name, times in Counter(names).items() if times > 1)
        raise TopologyError(f"Two peers are called {twice!r}; give each peer a name of its own.")
    return tuple(names)
