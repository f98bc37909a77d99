"""Organisations on hosts of their own: made by the commands of the README, run by `gossipfl node`."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomli_w

from gossipfl.cli import main
from gossipfl.cli.process import Process
from gossipfl.cli.slowness import environment
from gossipfl.errors import RunError
from gossipfl.experiment.files import read_toml
from robustness_runs.hosts.hosts import Host, Hosts, hosts
from robustness_runs.hosts.line import Line
from robustness_runs.nodes import Nodes, Record

PORT = 7400
TARGET = "diagnosis"


class Consortium(Nodes):
    """The nodes in the folders `homes`, each on one of `hosts`; training takes `training_s` at least."""

    def __init__(self, hosts: Hosts, homes: Sequence[Path], training_s: float) -> None:
        told = environment([], training_s)
        self.hosts = hosts
        super().__init__(
            [
                Process(number, home, told, host.within)
                for number, (home, host) in enumerate(zip(homes, hosts, strict=True))
            ]
        )

    def of(self, number: int, kind: str, since: float = 0.0, **facts: object) -> list[Record]:
        """The records of this `kind` that node `number` wrote `since` then, and that state these `facts`."""
        facts["kind"] = kind
        return [
            record
            for record in self.records[number]
            if record["unix_s"] >= since and all(record.get(key) == value for key, value in facts.items())
        ]

    def noticed_s(self, by: int, state: str, other: int, since: float) -> float:
        """After how many seconds `by` wrote that its link to `other` is in this `state`; infinite if not."""
        place = other + (other < by)  # 1, 2, ... in the order of its file
        found = self.of(by, "link", since, neighbour=place, state=state)
        return float(found[0]["unix_s"]) - since if found else math.inf

    def closed(self, number: int, since: float = 0.0) -> list[Record]:
        """The rounds that it closed `since` then."""
        return self.of(number, "round", since)

    def go_on(self, numbers: Collection[int], rounds: int = 4) -> None:
        """Wait until each of them has closed so many more rounds."""
        since = time.time()
        self.wait_until(lambda: all(len(self.closed(n, since)) >= rounds for n in numbers), "all go on")

    def hear_all(self) -> None:
        """Wait until each has heard all others in one round, from now on."""
        since, others = time.time(), len(self.nodes) - 1
        self.wait_until(
            lambda: all(
                any(record["heard"] == others for record in self.closed(node.number, since))
                for node in self.nodes
            ),
            "all hear all",
        )

    def finish(self) -> list[Record]:
        """Wait until all have ended, and return their summaries."""
        self.wait_until(lambda: not any(node.alive for node in self.nodes), "all end")
        self.read()
        return [json.loads((node.path / "state" / "summary.json").read_text("utf-8")) for node in self.nodes]


@contextmanager
def consortium(
    folder: Path,
    number: int,
    settings: Mapping[str, Any],
    *,
    training_s: float = 0.1,
    bad: Line | None = None,
    throttled: str = "",
) -> Iterator[Consortium]:
    """So many organisations that run within the block; the last is `throttled` to this rate, if to any."""
    with hosts(number, bad) as network:
        folder.mkdir(parents=True, exist_ok=True)
        if throttled:
            network.throttle(network[-1], throttled)
        made = Consortium(network, organise(folder, network, settings), training_s)
        with made.running():
            yield made


def gossipfl(*words: object) -> str:
    """What `gossipfl words` prints. Raises `RunError` if it fails."""
    before, said, complained = sys.argv, io.StringIO(), io.StringIO()
    sys.argv = ["gossipfl", *map(str, words)]
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            main()
    except SystemExit as end:
        if end.code:
            raise RunError(f"`{' '.join(sys.argv)}` failed: {complained.getvalue()}") from None
    finally:
        sys.argv = before
    return said.getvalue().strip()


def organise(folder: Path, where: Sequence[Host], settings: Mapping[str, Any]) -> list[Path]:
    """Make a node in `folder` for each of `where`, with a share of the rows of breast_cancer; all the same
    `settings`, by section. Returns the nodes' folders.
    """
    names = [f"hospital-{letter}" for _, letter in zip(where, "abcdefgh", strict=False)]
    tables = [folder / f"{name}.csv" for name in names]
    _deal(tables)
    schema = folder / "schema.json"
    gossipfl("data", "schema", tables[0], "--target", TARGET, "--drop", "patient", "--out", schema)
    homes = [folder / name for name in names]
    lines = [
        gossipfl("init", name, "--csv", table, "--schema", schema,
                 "--listen", f"{host.address}:{PORT}", "--out", home)
        for name, table, host, home in zip(names, tables, where, homes, strict=True)
    ]  # fmt: skip
    for home, own in zip(homes, lines, strict=True):
        gossipfl("peer", "add", home, *(line for line in lines if line is not own))
        table = read_toml(home / "node.toml")
        for section, values in settings.items():
            table.setdefault(section, {}).update(values)
        (home / "node.toml").write_text(tomli_w.dumps(table), "utf-8")
    return homes


def _deal(tables: Sequence[Path]) -> None:
    """Deal the rows of breast_cancer out to `tables`."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    for place, table in enumerate(tables):
        with table.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["patient", *bunch.feature_names, TARGET])
            for row in range(place, len(bunch.data), len(tables)):
                rows.writerow([row, *bunch.data[row], bunch.target_names[bunch.target[row]]])
