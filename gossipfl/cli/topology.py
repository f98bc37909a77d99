"""`gossipfl topology list | show | draw | compare`: graphs and schedules, with their facts and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossipfl.cli.console import AsJson, print_json, screen
from gossipfl.errors import TopologyError

if TYPE_CHECKING:
    from gossipfl.topology import Comparison, Family, ScheduleFamily, Topology

app = typer.Typer(no_args_is_help=True, help="List, show, draw and compare topologies: who speaks to whom.")

PEERS = 16
"""How many peers a family gets if none are asked for."""

PARAMETERS = 650
"""How many numbers a message holds if it is not said: a linear model of 64 features and 10 classes."""

NameOrFile = Annotated[
    str, typer.Argument(metavar="NAME|FILE", help="A family (see `list`) or a graph file.")
]
Peers = Annotated[int | None, typer.Option(help=f"How many peers a family has; {PEERS} if not given.")]
Seed = Annotated[int, typer.Option(help="Seed of the random families.")]
Degree = Annotated[
    int | None, typer.Option(help="k-regular, small-world: neighbours; scale-free: new edges.")
]
Probability = Annotated[float | None, typer.Option(help="erdos-renyi: how likely each pair is joined.")]
Rows = Annotated[int | None, typer.Option(help="grid, torus: number of rows.")]
Radius = Annotated[float | None, typer.Option(help="geometric: how far peers reach in the unit square.")]
Rewiring = Annotated[float | None, typer.Option(help="small-world: how likely an edge is moved.")]
Branching = Annotated[int | None, typer.Option(help="tree: children of each peer.")]
Disconnected = Annotated[bool, typer.Option("--allow-disconnected", help="Accept a graph in several parts.")]


@app.command("list")
def list_families(as_json: AsJson = False) -> None:
    """Print the families of graphs, which stay, and of schedules, which change from round to round.

    Example: gossipfl topology list
    """

    from rich.table import Table

    from gossipfl.topology import FAMILIES, SCHEDULES

    kinds: dict[str, Mapping[str, Family | ScheduleFamily]] = {"topologies": FAMILIES, "schedules": SCHEDULES}
    if as_json:
        print_json({kind: [*map(_family, families.values())] for kind, families in kinds.items()})
        return
    for kind, families in kinds.items():
        table = Table("Name", "What it is", "Sizes", "Options", title=kind.capitalize())
        for family in families.values():
            options = " ".join(f"--{option}" for option in family.options)
            table.add_row(f"[bold]{family.name}[/bold]", family.description, family.sizes, options)
        screen().print(table)


@app.command()
def show(
    name: NameOrFile,
    peers: Peers = None,
    seed: Seed = 0,
    degree: Degree = None,
    probability: Probability = None,
    rows: Rows = None,
    radius: Radius = None,
    rewiring: Rewiring = None,
    branching: Branching = None,
    allow_disconnected: Disconnected = False,
    as_json: AsJson = False,
) -> None:
    """Print the facts of a graph: edges, degrees, diameter, spectral gap.

    Example: gossipfl topology show k-regular --peers 20 --degree 4

    Example: gossipfl topology show hospitals.graphml --json
    """

    from rich.markup import escape
    from rich.table import Table

    from gossipfl.topology import facts

    options = _given(degree, probability, rows, radius, rewiring, branching)
    topology = _topology(name, peers, seed, options, allow_disconnected)
    found = facts(topology)
    if as_json:
        print_json(found)
        return
    table = Table(
        "Fact", "Value", title=escape(f"{topology.name}, {topology.peers} peers"), show_header=False
    )
    for fact, value in _readable(found):
        table.add_row(fact, value)
    screen().print(table)


@app.command("draw")
def draw_picture(
    name: NameOrFile,
    out: Annotated[Path | None, typer.Option(help="PNG, SVG or PDF; NAME-PEERS.png if not given.")] = None,
    peers: Peers = None,
    seed: Seed = 0,
    degree: Degree = None,
    probability: Probability = None,
    rows: Rows = None,
    radius: Radius = None,
    rewiring: Rewiring = None,
    branching: Branching = None,
    allow_disconnected: Disconnected = False,
    as_json: AsJson = False,
) -> None:
    """Draw a graph.

    Example: gossipfl topology draw torus --peers 16 --out torus.png
    """
    from gossipfl.topology import draw

    options = _given(degree, probability, rows, radius, rewiring, branching)
    topology = _topology(name, peers, seed, options, allow_disconnected)
    file = draw(topology, out or Path(f"{topology.name}-{topology.peers}.png"))
    if as_json:
        print_json({"topology": topology.name, "peers": topology.peers, "out": str(file)})
    else:
        screen().print(
            f"Drew {topology.name} of {topology.peers} peers to {file}", highlight=False, markup=False
        )


@app.command("compare")
def compare_all(
    peers: Annotated[int, typer.Option(help="How many peers there are.")] = PEERS,
    parameters: Annotated[int, typer.Option(help="Numbers (float32) in one message.")] = PARAMETERS,
    seed: Seed = 0,
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


def _given(
    degree: int | None,
    probability: float | None,
    rows: int | None,
    radius: float | None,
    rewiring: float | None,
    branching: int | None,
) -> dict[str, Any]:
    """The options that were given, by name."""
    options = {"degree": degree, "probability": probability, "rows": rows}
    options |= {"radius": radius, "rewiring": rewiring, "branching": branching}
    return {option: value for option, value in options.items() if value is not None}


def _topology(
    name: str, peers: int | None, seed: int, options: dict[str, Any], allow_disconnected: bool
) -> Topology:
    from gossipfl.topology import build_topology, is_graph_file, read_topology

    if not is_graph_file(name):
        size = PEERS if peers is None else peers
        return build_topology(name, size, seed=seed, allow_disconnected=allow_disconnected, **options)
    given = [f"--{option}" for option in (*(["peers"] if peers is not None else []), *options)]
    if given:
        raise TopologyError(f"The file {name} says itself what its graph is; leave out {', '.join(given)}.")
    return read_topology(name, allow_disconnected=allow_disconnected)


def _readable(found: dict[str, Any]) -> list[tuple[str, str]]:
    degrees = f"{found['degree_min']} to {found['degree_max']}, {found['degree_mean']:.4g} on average"
    if found["degree_min"] == found["degree_max"]:
        degrees = f"{found['degree_min']} for every peer"
    gap, rounds = found["spectral_gap"], found["rounds_to_consensus"]
    parts = "yes" if found["connected"] else f"no, {found['components']} components"
    return [
        ("Peers", str(found["peers"])),
        ("Edges", str(found["edges"])),
        ("Neighbours", degrees),
        ("Connected", parts),
        ("Diameter", _diameter(found)),
        ("Spectral gap", "not found (it is tiny)" if gap is None else f"{gap:.6g}"),
        ("Rounds to a thousandth", "never" if gap == 0 else "unknown" if rounds is None else str(rounds)),
    ]


def _diameter(found: dict[str, Any]) -> str:
    if not found["connected"]:
        return "none"
    if found["diameter"] is None:
        return f"at least {found['diameter_at_least']} hops"
    return f"{found['diameter']} hop{'' if found['diameter'] == 1 else 's'}"


def _family(family: Family | ScheduleFamily) -> dict[str, Any]:
    return {
        "name": family.name,
        "description": family.description,
        "sizes": family.sizes,
        "options": list(family.options),
    }


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
    from dataclasses import asdict

    candidates = [asdict(each) | {"bytes_to_agree": each.bytes_to_agree} for each in found.candidates]
    head = {"peers": found.peers, "parameters": found.parameters, "advice": found.advice}
    return {**head, "candidates": candidates, "left_out": found.left_out}
