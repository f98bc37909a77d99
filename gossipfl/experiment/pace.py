"""The peers of a run: in rounds, in step with their neighbours, or each at its own pace.

Rules:
- An algorithm that needs rounds, or whose words build on earlier ones, is refused where peers go free.
"""

from __future__ import annotations

from typing import Any

from gossipfl.errors import SettingsError
from gossipfl.experiment.settings import GossipSettings, LearningSettings
from gossipfl.learn.aggregators import asks_losses
from gossipfl.learn.contracts import Accounting, Algorithm, Array, Compressed, Steering
from gossipfl.learn.registry import ALGORITHMS
from gossipfl.protocol.flow import TokenAccount
from gossipfl.protocol.free_peer import FreePeer
from gossipfl.protocol.gathering import GATHER_S
from gossipfl.protocol.messages import PeerId
from gossipfl.protocol.round_peer import RoundPeer
from gossipfl.protocol.targets import Targets
from gossipfl.topology import Schedule


def new_peer(
    gossip: GossipSettings,
    learning: LearningSettings,
    number: PeerId,
    algorithm: Algorithm[Any],
    vector: Array,
    targets: Targets,
    *,
    samples: int,
    seed: int,
    epoch: int,
    gather_s: float = GATHER_S,
) -> RoundPeer | FreePeer:
    """The peer `number` in its life `epoch`, which begins from `vector` (d,)."""
    shared: dict[str, Any] = {
        "rounds": learning.rounds,
        "samples": samples,
        "seed": seed,
        "epoch": epoch,
        "weigh_samples": learning.weights == "samples",
        "gather_s": gather_s,
    }
    if gossip.exchange is None:
        return RoundPeer(number, algorithm, vector, targets, **shared)
    return FreePeer(
        number,
        algorithm,
        vector,
        targets,
        period_s=gossip.every_s,
        exchange=gossip.exchange,
        trains=gossip.trains,
        staleness=gossip.staleness,
        tokens=_account(gossip.tokens),
        **shared,
    )


def refuse_free(
    gossip: GossipSettings, learning: LearningSettings, algorithm: Algorithm[Any], schedule: Schedule | None
) -> None:
    """Raise `SettingsError` if peers that `gossip` sets free cannot run `algorithm`, or have a `schedule`."""
    if gossip.exchange is None:
        return
    name = learning.algorithm
    needs = ALGORITHMS[name].needs if isinstance(algorithm, ALGORITHMS[name].build) else frozenset[str]()
    if "rounds" in needs or isinstance(algorithm, (Accounting, Compressed, Steering)):
        raise SettingsError(
            f'The algorithm "{name}" needs peers in step, which gossip.exchange sets free: take the '
            'algorithm "pair-averaging", or leave out [gossip].'
        )
    if asks_losses(algorithm):
        raise SettingsError(
            "A rule that asks for losses judges several neighbours at once, and peers at their own pace hear "
            'one at a time: take the rule "balance", or leave out [gossip].'
        )
    if schedule is not None:
        raise SettingsError(
            f"{schedule.name} says whom to speak to in which round, and peers at their own pace draw one "
            'neighbour at a time: take one graph and learning.weights = "samples", or leave out [gossip].'
        )


def _account(tokens: int | None) -> TokenAccount | None:
    """It spends from half of what it holds on, as in the papers."""
    return None if tokens is None else TokenAccount(tokens, max(1, tokens // 2))
