"""Federated learning without the server: peers train, sign, gossip and average models.

cli/         the commands; the only place that prints
api.py       the Python door: `simulate`, `stress`
campaign/    a grid of experiments, run in processes of their own
engines.py   one federation, run by the network in virtual time, the crowd, or a baseline
report/      a run directory -> tables, plots, HTML
experiment/  one validated experiment from TOML; builds peers for any driver
simulator/   many peers in one process: a network in virtual time, a crowd as arrays
node/        one peer on real sockets: trio, TLS
testing/     conformance checks for your own models, algorithms and aggregators
protocol/    what peers say and when: state machines without I/O
topology/    graphs, schedules of graphs, mixing weights, spectral facts
data/        load, schema, split, scale
learn/       models, algorithms, aggregators, compressors: arrays in, arrays out
draws.py     counter-based randomness
errors.py    the error tree

A room imports from those below it, never up.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gossipfl.api import simulate, stress
    from gossipfl.data import Dataset, Schema, load_dataset, make_schema, read_table
    from gossipfl.draws import Draws
    from gossipfl.errors import GossipflError, UserError
    from gossipfl.experiment.files import read_experiment
    from gossipfl.experiment.settings import Experiment
    from gossipfl.learn.aggregators import WeightedMean
    from gossipfl.learn.algorithms.dpsgd import Dpsgd
    from gossipfl.learn.attacks import Attack, Conduct, Known
    from gossipfl.learn.contracts import Aggregator, Algorithm, Compressor, Heard, Model, Samples
    from gossipfl.learn.models import linear, mlp, softmax
    from gossipfl.learn.pytorch import TorchModel
    from gossipfl.learn.training import Training
    from gossipfl.report import Run
    from gossipfl.report.stress.result import Stress
    from gossipfl.simulator.faults import Corrupt, Deliver, Instead, Latency, Loss, Lost, Pass
    from gossipfl.topology import Schedule, Topology, build_schedule, build_topology, read_topology

_HOMES = {
    "gossipfl.api": ("simulate", "stress"),
    "gossipfl.experiment.files": ("read_experiment",),
    "gossipfl.experiment.settings": ("Experiment",),
    "gossipfl.report": ("Run",),
    "gossipfl.report.stress.result": ("Stress",),
    "gossipfl.data": ("Dataset", "Schema", "load_dataset", "make_schema", "read_table"),
    "gossipfl.topology": ("Schedule", "Topology", "build_schedule", "build_topology", "read_topology"),
    "gossipfl.learn.models": ("linear", "mlp", "softmax"),
    "gossipfl.learn.pytorch": ("TorchModel",),
    "gossipfl.learn.training": ("Training",),
    "gossipfl.learn.algorithms.dpsgd": ("Dpsgd",),
    "gossipfl.learn.aggregators": ("WeightedMean",),
    "gossipfl.learn.attacks": ("Attack", "Conduct", "Known"),
    "gossipfl.learn.contracts": ("Aggregator", "Algorithm", "Compressor", "Heard", "Model", "Samples"),
    "gossipfl.simulator.faults": ("Corrupt", "Deliver", "Instead", "Latency", "Loss", "Lost", "Pass"),
    "gossipfl.draws": ("Draws",),
    "gossipfl.errors": ("GossipflError", "UserError"),
}

__all__ = [  # noqa: RUF022
    # run
    "simulate", "stress", "read_experiment", "Experiment", "Run", "Stress",
    # data
    "Dataset", "Schema", "load_dataset", "make_schema", "read_table",
    # topology
    "Topology", "build_topology", "read_topology", "Schedule", "build_schedule",
    # models
    "linear", "mlp", "softmax", "TorchModel", "Training",
    # algorithms and aggregators
    "Dpsgd", "WeightedMean",
    # contracts for plug-ins
    "Aggregator", "Algorithm", "Compressor", "Heard", "Model", "Samples", "Draws",
    # faults
    "Corrupt", "Deliver", "Instead", "Latency", "Loss", "Lost", "Pass",
    # attacks
    "Attack", "Conduct", "Known",
    # errors
    "GossipflError", "UserError",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """A public name, imported when it is first asked for: `import gossipfl` alone loads nothing heavy."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'gossipfl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
