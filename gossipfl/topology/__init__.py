"""Topologies: which peers speak to which, how they weigh one another, and how fast they agree.

graph.py          Topology: peers, edges, names
families.py       fifteen families, drawn by lattices.py and randoms.py
building.py       a graph by its family and size
files.py          graphs from edge lists, adjacency lists, GraphML, GML and JSON
mixing.py         Metropolis-Hastings weights, towards samples or uniform
weights.py        the best constant and the fastest weights of a graph
spectrum.py       spectral gap and other facts
schedule.py       Schedule: weights that change from round to round
scheduling.py     a schedule by its family and size; replanning.py, when peers are lost
one_peer.py       exponential graphs; base_graphs.py, Base-(k+1); random_rounds.py, drawn afresh
places.py         who sits at hubs, and where a graph falls apart
comparison.py     which of all these suits a number of peers
drawing.py        pictures, on the positions of layouts.py; drawing_rounds.py, of schedules
"""

from __future__ import annotations

from gossipfl.topology.building import build_topology
from gossipfl.topology.comparison import Candidate, Comparison, compare
from gossipfl.topology.drawing import draw, draw_on
from gossipfl.topology.drawing_rounds import draw_rounds
from gossipfl.topology.families import FAMILIES, Family, find_family
from gossipfl.topology.files import is_graph_file, read_topology
from gossipfl.topology.graph import Topology
from gossipfl.topology.layouts import layout
from gossipfl.topology.mixing import metropolis_weight, mixing_matrix
from gossipfl.topology.replanning import replanned
from gossipfl.topology.schedule import Schedule
from gossipfl.topology.scheduling import SCHEDULES, ScheduleFamily, build_schedule
from gossipfl.topology.spectrum import facts, rounds_to_consensus, schedule_facts, spectral_gap
from gossipfl.topology.weights import best_constant, chosen_gaps, fastest_mixing

__all__ = [
    "FAMILIES",
    "SCHEDULES",
    "Candidate",
    "Comparison",
    "Family",
    "Schedule",
    "ScheduleFamily",
    "Topology",
    "best_constant",
    "build_schedule",
    "build_topology",
    "chosen_gaps",
    "compare",
    "draw",
    "draw_on",
    "draw_rounds",
    "facts",
    "fastest_mixing",
    "find_family",
    "is_graph_file",
    "layout",
    "metropolis_weight",
    "mixing_matrix",
    "read_topology",
    "replanned",
    "rounds_to_consensus",
    "schedule_facts",
    "spectral_gap",
]
