"""Graphs from files: edge list, adjacency list, GraphML, GML and JSON, by the ending of the file's name.

Rules:
- A file is foreign: its size is bounded, its XML may declare nothing, and parsers' errors are one sentence.
- The names of nodes are kept as the names of peers; where all are whole numbers, peers are in their order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gossipfl.errors import TopologyError
from gossipfl.topology.graph import Integers, Topology

if TYPE_CHECKING:
    import networkx

FILE_BYTES_MAX = 256 * 1024 * 1024

_HEADERS = (
    {"source", "target"},
    {"from", "to"},
    {"src", "dst"},
    {"peer", "neighbour"},
)


def read_topology(path: str | Path, *, allow_disconnected: bool = False) -> Topology:
    """The graph in the file at `path`; TopologyError if it is absent, malformed, directed or disconnected."""
    file = Path(path)
    read = _READERS.get(file.suffix.lower())
    if read is None:
        raise TopologyError(f"The graph file {file} has an unknown ending; use one of {', '.join(_READERS)}.")
    text = _text(file)
    try:
        topology = read(text, file.stem)
    except TopologyError:
        raise
    except Exception as error:  # parsers of foreign text raise anything at all
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TopologyError(f"The graph file {file} is malformed ({reason}); correct it.") from None
    return topology if allow_disconnected else topology.refuse_disconnected()


def is_graph_file(name: str) -> bool:
    """Whether `name` is meant as a file rather than as a family."""
    return Path(name).suffix.lower() in _READERS or Path(name).is_file()


def _text(file: Path) -> str:
    try:
        size = file.stat().st_size
        if size > FILE_BYTES_MAX:
            raise TopologyError(
                f"The graph file {file} has {size} bytes; make it smaller than {FILE_BYTES_MAX}."
            )
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise TopologyError(f"There is no graph file {file}; check its path.") from None
    except UnicodeDecodeError:
        raise TopologyError(f"The graph file {file} is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise TopologyError(f"The graph file {file} cannot be read: {error.strerror}.") from None


def _named(graph: networkx.Graph[Any], title: str) -> Topology:
    found = Topology.from_graph(graph, name=title)
    return _numbered(found.names, found.edges, title)


def _numbered(labels: Sequence[str], edges: Integers, title: str) -> Topology:
    """The graph of `edges` (m, 2) between `labels`, in their order or, if all are whole numbers, in that."""
    if all(label.isdecimal() for label in labels):
        order = sorted(range(len(labels)), key=lambda place: int(labels[place]))
        labels, edges = [labels[place] for place in order], np.argsort(order)[edges]
    return Topology.from_edges(len(labels), edges, labels, name=title)


def _lines(text: str) -> list[tuple[int, str]]:
    """The numbered lines that say something: neither blank nor a comment."""
    stripped = ((number, line.split("#")[0].strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in stripped if line]


def _edge_list(text: str, title: str) -> Topology:
    lines = _lines(text)
    comma = bool(lines) and "," in lines[0][1]
    rows = [(number, [part.strip().strip('"') for part in _split(line, comma)]) for number, line in lines]
    if rows and set(map(str.lower, rows[0][1][:2])) in _HEADERS:
        del rows[0]
    short = next((number for number, parts in rows if len(parts) < 2 or not all(parts[:2])), None)
    if short is not None:
        raise ValueError(f"line {short} does not name two peers")
    places: dict[str, int] = {}
    ends = [places.setdefault(part, len(places)) for _, parts in rows for part in parts[:2]]
    return _numbered([*places], np.array(ends, np.int64).reshape(-1, 2), title)


def _split(line: str, comma: bool) -> list[str]:
    return line.split(",") if comma else line.split()


def _adjacency_list(text: str, title: str) -> Topology:
    import networkx

    return _named(networkx.parse_adjlist([line for _, line in _lines(text)]), title)


def _graphml(text: str, title: str) -> Topology:
    import networkx

    _refuse_declarations(text)
    return _named(networkx.parse_graphml(text), title)


def _refuse_declarations(text: str) -> None:
    """GraphML needs no document type, and entities could make a small file huge."""
    from xml.parsers import expat

    def refuse(*_: object) -> None:
        raise ValueError("it declares a document type, which is not accepted")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(text, True)


def _gml(text: str, title: str) -> Topology:
    import networkx

    lines = text.splitlines()
    try:
        return _named(networkx.parse_gml(lines), title)
    except networkx.NetworkXError as error:
        if "label" not in str(error):
            raise
        return _named(networkx.parse_gml(lines, label="id"), title)


def _json(text: str, title: str) -> Topology:
    """Node-link data of networkx, with `edges` or `links`; or the `graph.json` of a run."""
    import networkx

    record = json.loads(text)
    if not isinstance(record, dict):
        raise ValueError("it is not a JSON object")
    if "names" in record or "degree_mean" in record:
        return Topology.from_record(record)
    key = "edges" if "edges" in record else "links"
    if "nodes" not in record or key not in record:
        raise ValueError('it has no "nodes" and "edges"')
    return _named(networkx.node_link_graph(record, edges=key), title)


_READERS: dict[str, Callable[[str, str], Topology]] = {
    ".edges": _edge_list,
    ".edgelist": _edge_list,
    ".txt": _edge_list,
    ".csv": _edge_list,
    ".adj": _adjacency_list,
    ".adjlist": _adjacency_list,
    ".graphml": _graphml,
    ".gml": _gml,
    ".json": _json,
}
