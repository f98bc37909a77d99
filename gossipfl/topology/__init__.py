"""Topologies: which peers speak to which, how they weigh one another, and how fast they agree.

graph.py      Topology: peers, edges, names
families.py   fifteen families, drawn by lattices.py and randoms.py
building.py   a graph by its family and size
files.py      graphs from edge lists, adjacency lists, GraphML, GML and JSON
mixing.py     Metropolis-Hastings weights, towards samples or uniform
spectrum.py   spectral gap and other facts
drawing.py    pictures, on the positions of layouts.py
"""

from __future__ import annotations

from gossipfl.topology.building import build_topology
from gossipfl.topology.drawing import draw, draw_on
from gossipfl.topology.families import FAMILIES, Family, find_family
from gossipfl.topology.files import is_graph_file, read_topology
from gossipfl.topology.graph import Topology
from gossipfl.topology.layouts import layout
from gossipfl.topology.mixing import metropolis_weight, mixing_matrix
from gossipfl.topology.spectrum import facts, rounds_to_consensus, spectral_gap

__all__ = [
    "FAMILIES",
    "Family",
    "Topology",
    "build_topology",
    "draw",
    "draw_on",
    "facts",
    "find_family",
    "is_graph_file",
    "layout",
    "metropolis_weight",
    "mixing_matrix",
    "read_topology",
    "rounds_to_consensus",
    "spectral_gap",
]
