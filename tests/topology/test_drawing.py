"""Every topology has a layout in its frame, and a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gossipfl.errors import TopologyError
from gossipfl.topology import FAMILIES, Topology, build_schedule, build_topology, draw, draw_rounds, layout


@pytest.mark.parametrize("name", FAMILIES)
def test_no_two_peers_lie_on_each_other(name: str) -> None:
    positions = layout(build_topology(name, 16))
    assert positions.shape == (16, 2)
    assert np.abs(positions).max() == pytest.approx(1.0)
    apart = np.linalg.norm(positions[:, None] - positions, axis=2) + 9 * np.eye(16)
    assert apart.min() > 0.005


def test_a_ring_lies_on_a_circle_in_the_order_of_its_edges() -> None:
    ring = Topology.from_edges(5, [(0, 3), (3, 1), (1, 4), (4, 2), (2, 0)])
    positions = layout(ring)
    lengths = np.linalg.norm(positions[ring.edges[:, 0]] - positions[ring.edges[:, 1]], axis=1)
    assert np.ptp(lengths) < 1e-9


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_picture_is_written(tmp_path: Path, ending: str) -> None:
    values = [0.5, None, 0.7, float("nan"), 0.9, 1.0]
    path = tmp_path / f"ring.{ending}"
    assert draw(build_topology("ring", 6), path, values, label="accuracy", killed=[4]) == path
    head = path.read_bytes()[:200]
    assert head.startswith(b"\x89PNG") or b"<?xml" in head


def test_disconnected_and_large_graphs_are_drawn_too(tmp_path: Path) -> None:
    pieces = build_topology("erdos-renyi", 8, probability=0.0, allow_disconnected=True)
    draw(pieces, tmp_path / "pieces.png")
    draw(build_topology("k-regular", 1500), tmp_path / "large.png")
    assert (tmp_path / "large.png").stat().st_size > 10_000


def test_what_is_too_large_to_be_seen_is_not_drawn(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match="would show nothing; draw at most 20,000 peers"):
        draw(build_topology("ring", 20_001), tmp_path / "ring.png")
    with pytest.raises(TopologyError, match="would show nothing"):
        draw_rounds(build_schedule("base", 20_001), tmp_path / "rounds.png")


def test_a_picture_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match=r"\.png"):
        draw(build_topology("ring", 6), tmp_path / "ring.doc")
    with pytest.raises(TopologyError, match="cannot be written"):
        draw(build_topology("ring", 6), tmp_path / "absent" / "ring.png")


@pytest.mark.parametrize(("name", "peers"), [("base", 7), ("random-peers", 5), ("directed-exponential", 6)])
def test_the_rounds_of_a_schedule_are_drawn(tmp_path: Path, name: str, peers: int) -> None:
    path = draw_rounds(build_schedule(name, peers), tmp_path / "rounds.png")
    assert path.stat().st_size > 5_000
    with pytest.raises(TopologyError, match=r"\.png"):
        draw_rounds(build_schedule(name, peers), tmp_path / "rounds.doc")
