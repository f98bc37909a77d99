"""The attack of a run: who attacks, what they hold, and what is refused because it would make no sense.

Rules:
- What an engine or an algorithm cannot honour is refused, with the reason.
- Bad rows are copies: the honest keep theirs, and attackers hold as many as they were dealt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.experiment.settings import AttackSettings, Experiment
from gossipfl.learn.attacks import Attack, Backdoor, Poison, build_attack, conduct_of
from gossipfl.learn.attacks.stubborn import Stubborn
from gossipfl.learn.contracts import Accounting, Algorithm, Array, Compressed, Model, Samples, Steering
from gossipfl.protocol.layout import layout_of
from gossipfl.topology import Topology
from gossipfl.topology.places import placed_peers

ROUND = 3
"""The round of the draws by which attackers are placed and rows chosen; those before it deal the rows out."""

GIVEN = "given"
"""The kind of an attack that is an object."""


@dataclass(frozen=True)
class Assault:
    """Attackers, ascending, and what they do from round `first` on."""

    attack: Attack
    attackers: tuple[int, ...]
    first: int
    stubborn: bool  # and so no words of honest peers change their models
    rows: Samples  # of all peers, bad rows included

    @property
    def backdoor(self) -> Backdoor | None:
        """What the trigger is, if there is one."""
        return self.attack if isinstance(self.attack, Backdoor) else None

    def samples(self, clean: Samples, round: int) -> Samples:
        """The rows of all peers in `round`, where `clean` are those that they were dealt."""
        return self.rows if round >= self.first else clean

    def algorithm(self, peer: int, ordinary: Algorithm[Any]) -> Algorithm[Any]:
        """What `peer` runs where the others run the `ordinary` one."""
        return Stubborn(ordinary, self.first) if self.stubborn and peer in self.attackers else ordinary


def assault_of(
    experiment: Experiment,
    given: Attack | None,
    topology: Topology,
    algorithm: Algorithm[Any],
    model: Model,
    train: Samples,
    classes: int | None,
) -> Assault | None:
    """The attack that `experiment` describes, or one that is `given`; None if there is none."""
    settings, seed = experiment.attack, experiment.run.seed
    if settings.kind == "none":
        return None
    if (settings.kind == GIVEN) != (given is not None):
        raise SettingsError(
            f'attack.kind = "{GIVEN}" stands for a callable: give that as gossipfl.simulate(attack=...).'
        )
    attack = given or build_attack(settings.kind, settings.options)
    if not callable(attack):
        raise SettingsError(f"An attack is a callable (own, known, draws), not a {type(attack).__name__}.")
    plain = speaks_models(algorithm, model)
    _refuse_misfit(experiment, attack, plain)
    attackers = attackers_of(settings, topology, seed)
    rows = _poisoned(attack, train, attackers, classes, seed) if isinstance(attack, Poison) else train
    return Assault(attack, attackers, settings.first, conduct_of(attack).stubborn and plain, rows)


def attackers_of(settings: AttackSettings, topology: Topology, seed: int) -> tuple[int, ...]:
    """The peers that `settings` name or place in `topology`, ascending."""
    peers = topology.peers
    if isinstance(settings.peers, tuple):
        beyond = [peer for peer in settings.peers if peer >= peers]
        if beyond:
            raise SettingsError(f"There is no peer {beyond[0]} to attack: peers are 0 to {peers - 1}.")
        found = tuple(sorted(settings.peers))
    else:
        count = max(1, peers // 5) if settings.peers is None else settings.peers
        found = tuple(placed_peers(topology, min(count, peers), settings.place, Draws(seed, round=ROUND)))
    if len(found) >= peers:
        raise SettingsError(f"All {peers} peers attack, so that nobody is left: choose fewer attack.peers.")
    return found


def speaks_models(algorithm: Algorithm[Any], model: Model) -> bool:
    """Whether the words of `algorithm` are models, which can be taken for another."""
    if isinstance(algorithm, (Accounting, Compressed, Steering)):
        return False
    vector = np.zeros(model.size, model.dtype)
    spoken, _ = algorithm.speak(algorithm.start(vector), np.asarray(1.0), Draws(0, 0))
    return layout_of(spoken[:1]) == layout_of((vector,))


def _refuse_misfit(experiment: Experiment, attack: Attack, plain: bool) -> None:
    conduct, name, crowd = conduct_of(attack), experiment.attack.kind, experiment.run.engine == "crowd"
    algorithm = experiment.learning.algorithm
    if conduct.models and not plain:
        raise SettingsError(
            f'The attack "{name}" says another model, and what the algorithm "{algorithm}" says is none: '
            'take the attack "label-flip", "free-rider", "replay" or "flood", or the algorithm "dpsgd".'
        )
    if crowd and conduct.each:
        raise SettingsError(
            f'The attack "{name}" tells each neighbour something else, and in a crowd all hear the same: '
            'take run.engine = "network".'
        )
    if crowd and (conduct.again or conduct.copies):
        raise SettingsError(
            f'The attack "{name}" is one of too many messages, and a crowd has none: take '
            'run.engine = "network".'
        )
    if conduct.each and experiment.gossip.exchange is not None:
        raise SettingsError(
            f'The attack "{name}" goes by the weights of a round, and with gossip.exchange there are no '
            "rounds: leave out [gossip], or take another attack."
        )


def _poisoned(
    attack: Poison, train: Samples, attackers: tuple[int, ...], classes: int | None, seed: int
) -> Samples:
    """`train` with the rows of `attackers` replaced by bad copies."""
    features, targets, rows = [train.features], [train.targets], train.rows.copy()
    end = len(train.targets)
    for peer in attackers:
        count = int(train.counts[peer])
        mine = train.rows[peer, :count]
        draws = Draws(seed, peer, ROUND)
        bad, false = attack.poison(train.features[mine], train.targets[mine], classes, draws)
        features.append(np.asarray(bad, train.features.dtype))
        targets.append(np.asarray(false, train.targets.dtype))
        rows[peer, :count] = np.arange(end, end + count)
        end += count
    return Samples(np.concatenate(features), np.concatenate(targets), rows, train.counts)


def honest_of(peers: int, attackers: tuple[int, ...]) -> Array:
    """The numbers of those who do not attack, ascending."""
    return np.setdiff1d(np.arange(peers), attackers)
