"""Real nodes of one experiment on this machine, whose links can be cut and whose state can be watched."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

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
        settings: Mapping[str, object] = MappingProxyType({}),
        runs: Collection[int] | None = None,
    ) -> None:
        self.homes, lanes = prepare(federation, folder, carried)
        self.windows = [Address(HOST, port) for port in free_ports(len(self.homes))] if watched else []
        for home in self.homes:
            _amend(home, settings)
        for home, window in zip(self.homes, self.windows, strict=False):
            _amend(home, {"metrics": str(window)})
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


def _amend(home: Path, settings: Mapping[str, object]) -> None:
    """Have the node at `home` run with these `settings` of its own."""
    path = home / "node.toml"
    table = tomllib.loads(path.read_text("utf-8"))
    table["node"] |= settings
    path.write_text(tomli_w.dumps(table), "utf-8")
