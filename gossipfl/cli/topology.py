"""`gossipfl topology list | show | draw | compare`: graphs and schedules, with their facts and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossipfl.cli.candidates import PEERS, compare_all
from gossipfl.cli.console import AsJson, print_json, screen
from gossipfl.errors import TopologyError

if TYPE_CHECKING:
    from gossipfl.topology import Family, Schedule, ScheduleFamily, Topology

app = typer.Typer(no_args_is_help=True, help="List, show, draw and compare topologies: who speaks to whom.")
app.command("compare")(compare_all)

NameOrFile = Annotated[
    str, typer.Argument(metavar="NAME|FILE", help="A family or schedule (see `list`) or a graph file.")
]
Peers = Annotated[int | None, typer.Option(help=f"How many peers a family has; {PEERS} if not given.")]
Seed = Annotated[int, typer.Option(help="Seed of the random families.")]
Degree = Annotated[
    int | None,
    typer.Option(help="k-regular, small-world: neighbours; scale-free: new edges; schedules: per round."),
]
Probability = Annotated[float | None, typer.Option(help="erdos-renyi: how likely each pair is joined.")]
Rows = Annotated[int | None, typer.Option(help="grid, torus: number of rows.")]
Radius = Annotated[float | None, typer.Option(help="geometric: how far peers reach in the unit square.")]
Rewiring = Annotated[float | None, typer.Option(help="small-world: how likely an edge is moved.")]
Branching = Annotated[int | None, typer.Option(help="tree: children of each peer.")]
Asymptotic = Annotated[
    bool, typer.Option("--allow-asymptotic", help="Accept a schedule that never agrees exactly.")
]
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
    allow_asymptotic: Asymptotic = False,
    as_json: AsJson = False,
) -> None:
    """Print the facts of a graph or schedule: degrees, diameter, spectral gap, rounds to agreement.

    Example: gossipfl topology show k-regular --peers 20 --degree 4

    Example: gossipfl topology show base --peers 25 --degree 2

    Example: gossipfl topology show hospitals.graphml --json
    """

    from gossipfl.topology import chosen_gaps, facts, schedule_facts

    options = _given(degree, probability, rows, radius, rewiring, branching)
    if schedule := _schedule(name, peers, seed, options, allow_asymptotic):
        found = schedule_facts(schedule)
        readable = _readable_schedule(found)
    else:
        topology = _topology(name, peers, seed, options, allow_disconnected)
        found = facts(topology) | chosen_gaps(topology)
        readable = _readable(found)
    if as_json:
        print_json(found)
    else:
        _print_facts(found.get("schedule") or found["topology"], readable)


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
    allow_asymptotic: Asymptotic = False,
    as_json: AsJson = False,
) -> None:
    """Draw a graph, or each round of a schedule.

    Example: gossipfl topology draw torus --peers 16 --out torus.png

    Example: gossipfl topology draw base --peers 7
    """
    from gossipfl.topology import draw, draw_rounds

    options = _given(degree, probability, rows, radius, rewiring, branching)
    drawn: Schedule | Topology
    if schedule := _schedule(name, peers, seed, options, allow_asymptotic):
        drawn = schedule
        file = draw_rounds(schedule, out or Path(f"{schedule.name}-{schedule.peers}.png"))
    else:
        drawn = topology = _topology(name, peers, seed, options, allow_disconnected)
        file = draw(topology, out or Path(f"{topology.name}-{topology.peers}.png"))
    if as_json:
        print_json({"topology": drawn.name, "peers": drawn.peers, "out": str(file)})
    else:
        screen().print(f"Drew {drawn.name} of {drawn.peers} peers to {file}", highlight=False, markup=False)


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


def _schedule(
    name: str, peers: int | None, seed: int, options: dict[str, Any], allow_asymptotic: bool
) -> Schedule | None:
    """The schedule called `name`, or None if that is a graph; a name of both means the graph."""
    from gossipfl.topology import FAMILIES, SCHEDULES, build_schedule

    if name not in SCHEDULES or name in FAMILIES:
        return None
    if strange := sorted(options.keys() - {"degree"}):
        raise TopologyError(f"The schedule {name} has no option {strange[0]!r}; leave it out.")
    size = PEERS if peers is None else peers
    return build_schedule(name, size, seed=seed, allow_asymptotic=allow_asymptotic, **options)


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


def _print_facts(name: str, facts: list[tuple[str, str]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("Fact", "Value", title=escape(f"{name}, {dict(facts)['Peers']} peers"), show_header=False)
    for fact, value in facts:
        table.add_row(fact, value)
    screen().print(table)


def _readable_schedule(found: dict[str, Any]) -> list[tuple[str, str]]:
    gap, rounds = found["spectral_gap"], found["rounds_to_consensus"]
    return [
        ("Peers", str(found["peers"])),
        ("Repeats after", _period(found["period"])),
        ("Speaks to in a round", _degrees(found)),
        ("Both weigh alike", "yes" if found["symmetric"] else "no"),
        ("Keeps the mean", "yes" if found["doubly_stochastic"] else "no"),
        ("Spectral gap per round", "unknown" if gap is None else f"{gap:.6g}"),
        (
            "Rounds to exact agreement" if found["finite_time"] else "Rounds to a thousandth",
            "unknown" if rounds is None else str(rounds),
        ),
    ]


def _period(rounds: int | None) -> str:
    if rounds is None:
        return "never: drawn afresh in every round"
    return "1 round: it stays" if rounds == 1 else f"{rounds} rounds"


def _degrees(found: dict[str, Any]) -> str:
    if found["degree_min"] == found["degree_max"]:
        return f"{found['degree_min']} for every peer"
    return f"{found['degree_min']} to {found['degree_max']}, {found['degree_mean']:.4g} on average"


def _readable(found: dict[str, Any]) -> list[tuple[str, str]]:
    gap, rounds = found["spectral_gap"], found["rounds_to_consensus"]
    chosen = {"best constant": "spectral_gap_best_constant", "fastest": "spectral_gap_fastest"}
    parts = "yes" if found["connected"] else f"no, {found['components']} components"
    return [
        ("Peers", str(found["peers"])),
        ("Edges", str(found["edges"])),
        ("Neighbours", _degrees(found)),
        ("Connected", parts),
        ("Diameter", _diameter(found)),
        ("Spectral gap", "not found (it is tiny, or the graph large)" if gap is None else f"{gap:.6g}"),
        *((f"  {how} weights", f"{found[key]:.6g}") for how, key in chosen.items() if key in found),
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
