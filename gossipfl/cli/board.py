"""The live table of `gossipfl up`: who is where, on standard error, while it is a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gossipfl.cli.process import Process

if TYPE_CHECKING:
    from rich.table import Table

    from gossipfl.experiment.federation import Federation
    from gossipfl.experiment.recorder import Record

REFRESH_PER_S = 5
_COLOURS = {
    "starting": "dim",
    "learning": "cyan",
    "finished": "green",
    "stopped": "yellow",
    "left": "yellow",
    "paused": "magenta",
    "cut": "yellow",
    "killed": "red",
    "failed": "red",
}


@contextmanager
def board(federation: Federation, nodes: Sequence[Process], records: Sequence[Record]) -> Iterator[None]:
    """Show where the `nodes` are while the block runs; `records` grow meanwhile."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    scores: dict[int, float] = {}
    read = 0

    def table() -> Table:
        nonlocal read
        for record in records[read:]:
            read += 1
            if record["kind"] == "evaluation":
                scores[record["peer"]] = record[federation.metric]
        return draw(federation, nodes, scores, rows_max=max(console.height - 6, 1))

    with Live(get_renderable=table, console=console, refresh_per_second=REFRESH_PER_S, transient=True):
        yield


def draw(federation: Federation, nodes: Sequence[Process], scores: dict[int, float], rows_max: int) -> Table:
    """The table: peer, round, score and state of each process, the first `rows_max` of them."""
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    experiment = federation.experiment
    rounds = experiment.learning.rounds
    shown = Table(
        title=f"{escape(experiment.run.name)}: {len(nodes)} processes",
        caption=f"and {len(nodes) - rows_max} others" if len(nodes) > rows_max else None,
    )
    for heading in ("Peer", "Round", federation.metric.capitalize(), "State"):
        shown.add_column(heading, justify="left" if heading in ("Peer", "State") else "right")
    for node in nodes[:rows_max]:
        state = node.state
        name: Any = Text(federation.topology.names[node.number])
        score = f"{scores[node.number]:.3f}" if node.number in scores else ""
        shown.add_row(name, f"{node.round} of {rounds}", score, Text(state, _COLOURS[state]))
    return shown
