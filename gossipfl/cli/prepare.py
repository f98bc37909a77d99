"""Folders for the processes of `gossipfl up`: a key, a node file and its own rows for each."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gossipfl.cli.shuttle import HOST, Lane, Pair
from gossipfl.errors import RunError
from gossipfl.protocol.gathering import GATHER_S

if TYPE_CHECKING:
    from gossipfl.experiment.federation import Federation
    from gossipfl.protocol.identity import Identity

PORTS = range(20_000, 32_000)
"""Below the range from which systems take the ports of outgoing connections."""


def prepare(
    federation: Federation, folder: Path, carried: Collection[Pair] = ()
) -> tuple[list[Path], dict[Pair, Lane]]:
    """Make the folder of each node under `folder`/nodes, by number; keys lie beside, in `folder`/keys.

    Returns the folders, and the lanes by which the pairs (dialler, dialled) that are `carried` dial.
    """
    import tomli_w

    from gossipfl.experiment.prepared import write_prepared

    keys = _make_keys(folder / "keys", federation.peers)
    ports = free_ports(federation.peers + len(carried))
    spare = ports[federation.peers :]
    lanes = {pair: Lane(port, ports[pair[1]]) for pair, port in zip(sorted(carried), spare, strict=True)}
    schedule, reserves = federation.meeting.schedule, federation.meeting.reserves
    shared = federation.experiment.model_dump(
        mode="json",
        include={"model", "learning", "gossip", "robust", "run", *(["topology"] if schedule else [])},
        exclude_none=True,
    )
    if schedule:
        shared["topology"]["peers"] = federation.peers
    homes = [folder / "nodes" / str(number) for number in range(federation.peers)]
    for number, home in enumerate(homes):
        home.mkdir(parents=True)
        write_prepared(home / "rows.npz", federation.dataset, federation.train.of(number).rows)
        node = {
            "name": _name(number),
            "key": Path(os.path.relpath(keys[number][1], home)).as_posix(),
            "listen": f"{HOST}:{ports[number]}",
            "number": number,
            "keep_rounds": True,
            "wait_s": GATHER_S,
        } | ({"place": number} if schedule else {})
        peers: list[dict[str, Any]] = [
            {"name": _name(other), "address": f"{HOST}:{port}", "key": keys[other][0].key.hex()}
            | ({"place": other} if schedule else {})
            | ({"reserve": True} if reserves and other in reserves[number] else {})
            for other in federation.meeting.linked(number)
            for port in [lanes[number, other].port if (number, other) in lanes else ports[other]]
        ]
        table = {"node": node, "data": {"prepared": "rows.npz"}, **shared, "peer": peers}
        (home / "node.toml").write_text(tomli_w.dumps(table), encoding="utf-8")
    return homes, lanes


def _name(number: int) -> str:
    """What a node is called on the wire: numbers are safe there, whatever the peers' own names are."""
    return f"peer-{number}"


def _make_keys(folder: Path, count: int) -> list[tuple[Identity, Path]]:
    """New identities with their files, in the order of their keys.

    So neighbours, who hear one another in the order of their keys, hear one another in that of their numbers,
    as in a simulation, and add what they heard in the same order.
    """
    from gossipfl.node.keyfile import create_key

    folder.mkdir(parents=True)
    paths = [folder / f"{number}.key" for number in range(count)]
    return sorted(((create_key(path), path) for path in paths), key=lambda made: made[0].key)


def free_ports(count: int) -> list[int]:
    """So many ports of the loopback on which nobody listens now."""
    found: list[int] = []
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise RunError("There are too few free ports on the loopback: stop what holds them.")
