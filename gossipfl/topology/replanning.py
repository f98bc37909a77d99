"""Planning anew when peers are lost: the same family of schedules over those that remain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from gossipfl.errors import TopologyError
from gossipfl.topology.graph import Integers
from gossipfl.topology.mixing import completed
from gossipfl.topology.schedule import Schedule

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def replanned(schedule: Schedule, alive: Iterable[int]) -> Schedule:
    """The family of `schedule` over the peers in `alive`, who keep their numbers; all others are `absent`.

    Whoever knows who is alive works out the same plan alone, and it holds from the next round on. A family
    that does not take so few peers gives way to "base", which takes any number. Raises TopologyError for a
    schedule that `build_schedule` did not build, fewer than two peers alive, and a peer that there is not.
    """
    here = np.array(sorted(set(alive)), np.int64)
    if schedule.again is None:
        raise TopologyError(
            f"The schedule {schedule.name} cannot be planned anew, because its family is not known; build it"
            " by build_schedule."
        )
    if len(here) < 2:
        raise TopologyError(f"A schedule joins at least 2 peers, and {len(here)} of them are alive.")
    if here[0] < 0 or here[-1] >= schedule.peers:
        stranger = here[0] if here[0] < 0 else here[-1]
        raise TopologyError(
            f"The schedule {schedule.name} has no peer {stranger}; name those alive by 0 to"
            f" {schedule.peers - 1}."
        )
    fewer = schedule.again(len(here))
    return replace(
        fewer,
        peers=schedule.peers,
        names=schedule.names,
        draw=partial(_spread, fewer, here, schedule.peers),
        absent=frozenset(range(schedule.peers)) - frozenset(here.tolist()),
    )


def _spread(fewer: Schedule, here: Integers, peers: int, round: int) -> csr_array:
    """The matrix of `fewer` on the peers `here` of `peers`; the others keep what they hold."""
    matrix = fewer.mixing(round)
    mine, theirs = matrix.nonzero()
    apart = mine != theirs
    return completed(peers, here[mine[apart]], here[theirs[apart]], matrix[mine[apart], theirs[apart]])
