"""Keys of an experiment that mean nothing beside what else it says, each with what to do instead."""

from __future__ import annotations

from collections.abc import Set

_LINES = ("linear", "softmax", "auto")
_ESTIMATORS = ("SGDClassifier", "SGDRegressor", "MLPClassifier", "MLPRegressor")

_MESSAGES = (
    "latency_s",
    "jitter_s",
    "latency_sigma",
    "latency_file",
    "loss",
    "duplicate",
    "reorder",
    "corrupt",
    "bandwidth_mbps",
)

_MOMENTUM = {"SGD": "SGD estimators have none", "MLP": 'say it in model.options, with solver = "sgd"'}
_CLASS_WEIGHTS = {"SGD": "say class_weight in model.options", "MLP": "MLP estimators have none"}
_SPLITS = {
    "alpha": ("dirichlet", "quantity"),
    "per_peer": ("shards", "pathological"),
    "column": ("column",),
    "samples": ("bootstrap",),
}


def unheard_training(kind: str, steps: int | None) -> dict[str, str]:
    """Keys of [model] and [learning] that a model of this `kind` does not hear, or not beside `steps`."""
    unheard: dict[str, str] = {}
    if steps is not None:
        unheard["learning.epochs"] = "learning.steps says how long to train already"
    if kind in _LINES or kind.startswith("SGD"):
        unheard["model.hidden"] = f'the model "{kind}" has no hidden layers, "mlp" has'
    if kind == "torch":
        unheard["model.hidden"] = "the factory of a module says what layers it has"
    if kind not in _ESTIMATORS:
        return unheard
    family = kind[:3]
    unheard |= {
        "learning.learning_rate": f"{kind} takes model.options = {{ {_rate(family)} }} instead",
        "learning.decay": f"{kind} takes learning_rate in model.options instead",
        "learning.momentum": _MOMENTUM[family],
        "learning.weight_decay": f"{kind} takes alpha in model.options instead",
        "learning.proximal": f'{kind} has none, "softmax" and "mlp" have',
        "learning.class_weights": _CLASS_WEIGHTS[family],
        "learning.steps": f"{kind} counts in learning.epochs",
    }
    if family == "SGD":
        unheard["learning.batch"] = f"{kind} takes its samples one by one"
    return unheard


def unheard_mixing(kind: str, algorithm: str, compressor: str | None) -> dict[str, str]:
    """Keys of [topology] and [learning] that mean nothing to this `kind` of graph, or to no `compressor`.

    An algorithm whose links keep accounts counts samples by itself, whatever a schedule says.
    """
    from gossipfl.learn.registry import ALGORITHMS
    from gossipfl.topology import SCHEDULES

    unheard: dict[str, str] = {}
    if compressor is None:
        unheard["learning.compression"] = "name a learning.compressor, whose options it holds"
    counts = algorithm in ALGORITHMS and hasattr(ALGORITHMS[algorithm].build, "link")
    if kind in SCHEDULES and not counts:
        unheard["learning.weights"] = f'the schedule "{kind}" says what each peer counts'
    if kind not in SCHEDULES:
        unheard["topology.allow_asymptotic"] = f'it is for schedules, and "{kind}" is one graph'
        unheard["topology.replan"] = f'it is for schedules, and "{kind}" is one graph: see topology.reserves'
    return unheard


def unheard_reserves(kind: str, exchange: str | None, engine: str) -> dict[str, str]:
    """`topology.reserves`, where peers do not agree on who stands in for lost neighbours."""
    from gossipfl.topology import SCHEDULES

    if kind in SCHEDULES:
        return {"topology.reserves": f'the schedule "{kind}" is planned anew by topology.replan instead'}
    if exchange is not None:
        return {"topology.reserves": "peers at their own pace turn to another neighbour if one is lost"}
    if engine == "crowd":
        return {"topology.reserves": 'a crowd agrees on nothing: take run.engine = "network"'}
    return {}


def unheard_gossip(exchange: str | None, trains: str) -> dict[str, str]:
    """Keys of [gossip] that mean nothing to peers in rounds, or to this `exchange` and way to train."""
    if exchange is None:
        advice = 'name a gossip.exchange, such as "push-pull", with it'
        return {f"gossip.{key}": advice for key in ("every_s", "trains", "staleness", "tokens")}
    if trains == "always":
        return {"gossip.tokens": 'it is for gossip.trains = "on-hearing"'}
    return {}


def unheard_attack(kind: str, named: bool) -> dict[str, str]:
    """Keys of [attack] that mean nothing without a `kind`, or where the attackers are `named`."""
    if kind == "none":
        advice = 'name an attack.kind, such as "sign-flip", with it'
        return {f"attack.{key}": advice for key in ("peers", "place", "options", "from")}
    return {"attack.place": "attack.peers names the attackers already"} if named else {}


def unheard_network(file: str | None, sigma: float) -> dict[str, str]:
    """Keys of [network] that mean nothing beside a latency that is given otherwise."""
    if file is not None:
        return dict.fromkeys(
            ("network.latency_s", "network.latency_sigma"), "network.latency_file says what messages take"
        )
    return {"network.jitter_s": "network.latency_sigma says how latency varies"} if sigma else {}


def unheard_crowd(engine: str) -> dict[str, str]:
    """Keys of [network] and [gossip] that mean nothing to a crowd, which has neither messages nor a clock."""
    if engine != "crowd":
        return {}
    unheard = dict.fromkeys(
        [f"network.{key}" for key in _MESSAGES],
        'a crowd has no messages that could be late or lost, run.engine = "network" has',
    )
    for key in ("pause", "slow_down", "partition", "clock_skew_s"):
        unheard[f"faults.{key}"] = 'a crowd has neither links nor a clock, run.engine = "network" has'
    unheard["network.slow"] = 'the peers of a crowd are in step, those of run.engine = "network" need not be'
    for key in ("exchange", "every_s", "trains", "staleness", "tokens"):
        unheard[f"gossip.{key}"] = 'a crowd works in rounds: take run.engine = "network"'
    return unheard


def _rate(family: str) -> str:
    return 'learning_rate = "constant", eta0 = 0.1' if family == "SGD" else "learning_rate_init = 0.01"


def unheard_data(split: str, given: Set[str]) -> dict[str, str]:
    """Keys of [data] that say nothing to this `split`, or beside the files that are `given`."""
    unheard: dict[str, str] = {}
    for key, splits in _SPLITS.items():
        if split not in splits:
            advice = f"it is for the split {' or '.join(splits)}, and this is {split}"
            unheard[f"data.{key}"] = advice
    if split == "bootstrap":
        unheard["data.local_test_fraction"] = "what a bootstrap draws twice would be in both parts"
    if "file" not in given:
        keys = ("target", "task", "schema", "drop", "test_file")
        return unheard | {f"data.{key}": "it describes a table, so give data.file with it" for key in keys}
    if "schema_file" in given:
        unheard |= {f"data.{key}": "data.schema says it already" for key in ("target", "task", "drop")}
    if "test_file" in given:
        unheard["data.test_fraction"] = "data.test_file holds the rows to test on"
    return unheard
