"""Real nodes of one experiment on this machine, whose links can be cut and whose state can be watched."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import tomli_w

from gossipfl.cli.prepare import free_ports, prepare
from gossipfl.cli.process import Process
from gossipfl.cli.road import Weather
from gossipfl.cli.shuttle import HOST, Pair, Shuttle
from gossipfl.experiment.federation import Federation
from gossipfl.protocol.identity import Address
from robustness_runs.nodes import Nodes


class Consortium(Nodes):
    """The processes of `federation`, whose folders are under `folder`.

    Each that `runs`, by default all, is told the `environment`. The pairs (dialler, dialled) that are
    `carried` talk over a shuttle, which can be cut. If they are `watched`, each shows its state at its place
    in `windows`.
    """

    def __init__(
        self,
        federation: Federation,
        folder: Path,
        environment: Mapping[str, str],
        *,
        carried: Collection[Pair] = (),
        watched: bool = False,
        runs: Collection[int] | None = None,
    ) -> None:
        self.homes, lanes = prepare(federation, folder, carried)
        self.windows = list(map(_open_window, self.homes)) if watched else []
        super().__init__([Process(number, home, environment) for number, home in enumerate(self.homes)], runs)
        self.shuttle = Shuttle(lanes, Weather(seed=federation.experiment.run.seed))

    @contextmanager
    def running(self) -> Iterator[None]:
        """All run within the block, and none after it."""
        with self.shuttle.running(), super().running():
            yield

    def check(self) -> None:
        """Read what is new. Raises `RunError` if a node has failed, or the shuttle."""
        self.shuttle.check()
        super().check()


def _open_window(home: Path) -> Address:
    """Have the node at `home` show its state, at an address that is returned."""
    path, address = home / "node.toml", Address(HOST, free_ports(1)[0])
    table = tomllib.loads(path.read_text("utf-8"))
    table["node"]["metrics"] = str(address)
    path.write_text(tomli_w.dumps(table), "utf-8")
    return address
