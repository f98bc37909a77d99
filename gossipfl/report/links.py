"""The links of a run's graph: one by one or, of a graph recorded in figures, how many there are."""

from __future__ import annotations

import numpy as np

from gossipfl.report.peers import number, peer_count
from gossipfl.report.run import Run


def edges_of(run: Run) -> list[tuple[int, int]]:
    """The links between peers that exist, each once."""
    told, peers = run.graph.get("edges"), peer_count(run)
    pairs = (
        [pair for pair in told if isinstance(pair, list | tuple) and len(pair) == 2]
        if isinstance(told, list)
        else []
    )
    ends = [(i, j) for i, j in pairs if isinstance(i, int) and isinstance(j, int)]
    return sorted({(min(i, j), max(i, j)) for i, j in ends if i != j and 0 <= i < peers and 0 <= j < peers})


def link_count(run: Run) -> int:
    """How many links were recorded, one by one or as their number."""
    told = run.graph.get("edges")
    return len(told) if isinstance(told, list) else int(number(told) or 0)


def degree_range(run: Run) -> tuple[int, int] | None:
    """The fewest and the most links of a peer, if that is known."""
    if edges := edges_of(run):
        degrees = np.bincount(np.ravel(edges), minlength=peer_count(run))
        return int(degrees.min()), int(degrees.max())
    least, most = (number(run.graph.get(f"degree_{end}")) for end in ("min", "max"))
    return None if least is None or most is None else (int(least), int(most))
