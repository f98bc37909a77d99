"""`gossipfl peer add`: whom a node knows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gossipfl.cli.console import AsJson, print_json

app = typer.Typer(no_args_is_help=True, help="Tell a node whom it knows.")


@app.callback()
def _peers() -> None:
    pass


@app.command()
def add(
    path: Annotated[Path, typer.Argument(metavar="NODE", help="A node's folder, or the node.toml in it.")],
    lines: Annotated[
        list[str], typer.Argument(metavar="LINE...", help="Lines that `gossipfl init` printed elsewhere.")
    ],
    as_json: AsJson = False,
) -> None:
    """Add the nodes that others' lines tell of to this node's file.

    Example: `gossipfl peer add hospital-a hospital-b@192.0.2.2:7400#9f3c...`
    """
    from gossipfl.cli.folder import add_peers
    from gossipfl.experiment.nodefile import node_path

    names = add_peers(node_path(path), lines)
    if as_json:
        print_json({"added": names})
    else:
        typer.echo(f"Added {', '.join(names)}.")
