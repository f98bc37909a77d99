"""`gossipfl topology compare`: all graphs and schedules for a number of peers, rated by what they cost."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossipfl.cli.console import AsJson, print_json, screen

if TYPE_CHECKING:
    from gossipfl.topology import Comparison

PEERS = 16
"""How many peers there are if it is not said."""
PARAMETERS = 650
"""How many numbers a message holds if it is not said: a linear model of 64 features and 10 classes."""


def compare_all(
    peers: Annotated[int, typer.Option(help="How many peers there are.")] = PEERS,
    parameters: Annotated[int, typer.Option(help="Numbers (float32) in one message.")] = PARAMETERS,
    seed: Annotated[int, typer.Option(help="Seed of the random families.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="PNG or SVG; topology-compare-PEERS.png if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare all graphs and schedules for a number of peers; what needs the fewest bytes comes first.

    Each is rated by what a peer sends until all agree: exactly, which the schedules do that are built for it
    as long as nobody is missing, or to a thousandth of the first differences.

    Example: gossipfl topology compare --peers 25

    Example: gossipfl topology compare --peers 64 --parameters 7850 --out choice.svg
    """
    from gossipfl.report.candidates import draw_comparison
    from gossipfl.topology import compare

    found = compare(peers, parameters, seed=seed)
    file = draw_comparison(found, out or Path(f"topology-compare-{peers}.png"))
    if as_json:
        print_json(_compared(found) | {"out": str(file)})
        return
    _print_comparison(found)
    screen().print(f"Drew them to {file}", markup=False)


def _print_comparison(found: Comparison) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from gossipfl.report.words import significant, size

    table = Table(
        title=f"{found.peers} peers, {found.parameters} parameters", box=SIMPLE_HEAD, pad_edge=False
    )
    table.add_column("Graph or schedule", no_wrap=True)
    for heading in ("Degree", "Gap", "Rounds", "Sends", "Bytes", "To agree"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in found.candidates:
        rounds = "?" if each.rounds is None else f"{each.rounds}{'=' if each.exact else ' '}"
        sent = (f"{each.messages:.3g}", size(each.bytes), size(each.bytes_to_agree))
        table.add_row(each.name, str(each.degree), significant(each.gap), rounds, *sent)
    table.caption = (
        "Degree: most others a peer speaks to in a round. Rounds until all agree: = exactly, else to a"
        " thousandth. Sends: messages of a peer in a round, on average. To agree: its bytes in all rounds."
    )
    table.caption_justify = "left"
    screen().print(table)
    if found.left_out:
        screen().print(f"Not for {found.peers} peers: {', '.join(found.left_out)}.")
    screen().print(found.advice)


def _compared(found: Comparison) -> dict[str, Any]:
    candidates = [asdict(each) | {"bytes_to_agree": each.bytes_to_agree} for each in found.candidates]
    head = {"peers": found.peers, "parameters": found.parameters, "advice": found.advice}
    return {**head, "candidates": candidates, "left_out": found.left_out}
