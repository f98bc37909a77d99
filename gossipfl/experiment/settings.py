"""What an experiment may say: its sections, their keys, defaults and limits.

Rules:
- An unknown key is an error, and so are a value out of its limits and a key that would mean nothing beside
  the others: nothing is ignored.
- A default is what a newcomer should use; its source stands beside it where it has one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from gossipfl.experiment.adversity import FaultsSettings, NetworkSettings, check_faults
from gossipfl.experiment.section import Fraction, Positive, Seconds, Section
from gossipfl.experiment.unheard import (
    unheard_attack,
    unheard_crowd,
    unheard_data,
    unheard_gossip,
    unheard_mixing,
    unheard_network,
    unheard_reserves,
    unheard_training,
)

ROUNDS_MAX = 1_000_000
PEERS_MAX = 1_000_000
SAMPLES_MAX = 1_000_000
HIDDEN_MAX = 16
RESERVES_MAX = 64
NAME_CHARS_MAX = 64
PULL_S_MIN = 0.1
"""A link that brings more than a few questions a second is closed as a flood."""

Width = Annotated[int, Field(ge=1, le=65_536)]


class TopologySettings(Section):
    """Who is a neighbour of whom."""

    kind: str = "ring"
    peers: int | None = Field(None, ge=2, le=PEERS_MAX)
    degree: int | None = Field(None, ge=1)
    probability: float | None = Field(None, gt=0.0, le=1.0)
    radius: float | None = Field(None, gt=0.0)
    rewiring: float | None = Field(None, ge=0.0, le=1.0)
    rows: int | None = Field(None, ge=1)
    branching: int | None = Field(None, ge=1)
    file: str | None = None
    allow_disconnected: bool = False
    allow_asymptotic: bool = False
    replan: bool | None = None
    reserves: int = Field(0, ge=0, le=RESERVES_MAX)


class DataSettings(Section):
    """What is learnt from, and how a simulation splits it among peers."""

    dataset: str | None = None
    file: str | None = None
    target: str | None = None
    task: Literal["classes", "numbers"] | None = None
    schema_file: str | None = Field(None, alias="schema")
    drop: tuple[str, ...] = ()
    split: Literal["iid", "dirichlet", "shards", "pathological", "quantity", "column", "bootstrap"] = "iid"
    alpha: Positive = 0.5
    column: str | None = None
    per_peer: int = Field(2, ge=1)
    samples: int = Field(64, ge=1, le=SAMPLES_MAX)
    test_file: str | None = None
    test_fraction: Fraction = 0.2
    local_test_fraction: Fraction = 0.0

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="after")
    def _agree(self) -> DataSettings:
        if self.dataset is not None and self.file is not None:
            raise ValueError("give data.dataset or data.file, not both")
        if self.split == "column" and self.column is None:
            raise ValueError('data.split = "column" needs data.column, the column whose values are the peers')
        return self


class ModelSettings(Section):
    """What each peer trains."""

    kind: str = "auto"
    hidden: Annotated[tuple[Width, ...], Field(max_length=HIDDEN_MAX)] = (64,)
    dtype: Literal["float32", "float64"] = "float32"
    options: dict[str, Any] = Field(default_factory=dict)


class LearningSettings(Section):
    """How each peer trains, and how it takes in what it hears."""

    algorithm: str = "dpsgd"
    options: dict[str, Any] = Field(default_factory=dict)
    compressor: str | None = None
    compression: dict[str, Any] = Field(default_factory=dict)
    weights: Literal["samples", "uniform", "best-constant", "fastest"] = "samples"
    rounds: int = Field(30, ge=1, le=ROUNDS_MAX)
    batch: int = Field(32, ge=1)
    epochs: int = Field(5, ge=1)
    steps: int | None = Field(None, ge=1)
    learning_rate: Positive = 0.1
    decay: Literal["none", "cosine"] = "cosine"
    momentum: Fraction = 0.0
    weight_decay: float = Field(0.0, ge=0.0, allow_inf_nan=False)
    proximal: float = Field(0.0, ge=0.0, allow_inf_nan=False)
    class_weights: Literal["balanced"] | tuple[Positive, ...] | None = None


class GossipSettings(Section):
    """How peers work at their own pace, once an exchange is named; else they work in rounds."""

    exchange: Literal["push", "pull", "push-pull"] | None = None
    every_s: Seconds = 1.0
    trains: Literal["always", "on-hearing"] = "always"
    staleness: float = Field(0.0, ge=0.0, le=100.0)
    tokens: int | None = Field(None, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _agree(self) -> GossipSettings:
        if self.trains == "on-hearing" and self.every_s == 0:
            raise ValueError('gossip.trains = "on-hearing" needs gossip.every_s above 0: how often to speak')
        if self.exchange == "pull" and self.every_s < PULL_S_MIN:
            raise ValueError(f'gossip.exchange = "pull" needs gossip.every_s of {PULL_S_MIN} or more')
        return self


class AttackSettings(Section):
    """Who is hostile, and how."""

    kind: str = "none"
    peers: Annotated[int, Field(ge=1, le=PEERS_MAX)] | tuple[Annotated[int, Field(ge=0)], ...] | None = None
    place: Literal["random", "hubs", "cut"] = "random"
    options: dict[str, Any] = Field(default_factory=dict)
    first: int = Field(1, ge=1, alias="from")

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @field_validator("kind", mode="before")
    @classmethod
    def _word(cls, kind: object) -> object:
        return "nan" if kind != kind else kind

    @model_validator(mode="after")
    def _agree(self) -> AttackSettings:
        if isinstance(self.peers, tuple) and not 0 < len(set(self.peers)) == len(self.peers):
            raise ValueError("attack.peers must name one peer or more, each once, or say how many there are")
        return self


class RobustSettings(Section):
    """How a peer combines vectors of which some may be hostile, so many of its neighbours' at most, and
    whether it shuts out who is proved to be."""

    rule: str = "auto"
    attackers: int | None = Field(None, ge=0, le=PEERS_MAX)
    options: dict[str, Any] = Field(default_factory=dict)
    quarantine: bool | None = None


class RunSettings(Section):
    """The run as a whole."""

    name: str = Field("gossipfl", min_length=1, max_length=NAME_CHARS_MAX)
    seed: int = Field(0, ge=0, lt=1 << 63)
    engine: Literal["network", "crowd"] = "network"
    evaluate_every: int = Field(1, ge=1)
    judged: int | None = Field(None, ge=0)


class Experiment(Section):
    """One experiment, validated: what `simulate` and `up` run."""

    topology: TopologySettings = TopologySettings()
    data: DataSettings = DataSettings()
    model: ModelSettings = ModelSettings()
    learning: LearningSettings = LearningSettings()
    gossip: GossipSettings = GossipSettings()
    network: NetworkSettings = NetworkSettings()
    faults: FaultsSettings = FaultsSettings()
    attack: AttackSettings = AttackSettings()
    robust: RobustSettings = RobustSettings()
    run: RunSettings = RunSettings()

    @model_validator(mode="after")
    def _agree(self) -> Experiment:
        refuse_unheard(self, self.unheard())
        check_faults(self.faults, self.learning.rounds)
        if self.attack.first > self.learning.rounds:
            raise ValueError(
                f"attack.from is {self.attack.first}: choose a round up to {self.learning.rounds}"
            )
        return self

    @model_serializer(mode="wrap")
    def _heard_alone(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without(dump(self), self.unheard())

    def unheard(self) -> dict[str, str]:
        """The keys that mean nothing beside the others, and what to do about each."""
        data = self.data
        given = {key for key in ("file", "schema_file", "test_file") if getattr(data, key) is not None}
        return (
            unheard_training(self.model.kind, self.learning.steps)
            | unheard_mixing(self.topology.kind, self.learning.algorithm, self.learning.compressor)
            | unheard_gossip(self.gossip.exchange, self.gossip.trains)
            | unheard_data(data.split, given)
            | unheard_attack(self.attack.kind, isinstance(self.attack.peers, tuple))
            | unheard_network(self.network.latency_file, self.network.latency_sigma)
            | unheard_crowd(self.run.engine)
            | unheard_reserves(self.topology.kind, self.gossip.exchange, self.run.engine)
        )


def refuse_unheard(settings: Section, unheard: dict[str, str]) -> None:
    """Raise `ValueError` if somebody gave a key of `settings` that means nothing there."""
    for name, advice in unheard.items():
        section, key = name.split(".")
        given: Section = getattr(settings, section)
        if key in {given.__class__.model_fields[field].alias or field for field in given.model_fields_set}:
            raise ValueError(f"leave out {name}: {advice}")


def without(table: dict[str, Any], unheard: dict[str, str]) -> dict[str, Any]:
    """`table` as it was dumped, but for the keys that mean nothing in it: what remains can be read again."""
    return {
        section: {key: value for key, value in keys.items() if f"{section}.{key}" not in unheard}
        if isinstance(keys, dict)
        else keys
        for section, keys in table.items()
    }
