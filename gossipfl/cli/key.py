"""`gossipfl key new | show`: a node's identity."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gossipfl.cli.console import AsJson, print_json

app = typer.Typer(no_args_is_help=True, help="Make and show a node's identity.")

KeyFile = Annotated[Path, typer.Argument(metavar="FILE", help="The key file.")]


@app.command()
def new(path: KeyFile = Path("node.key"), as_json: AsJson = False) -> None:
    """Make a key file that only you can read, and print its public key.

    Example: `gossipfl key new hospital-a.key`
    """
    from gossipfl.node.keyfile import create_key

    _print(path, create_key(path).key, as_json)


@app.command()
def show(
    path: Annotated[
        Path, typer.Argument(metavar="NODE|FILE", help="A node's folder or node.toml, or a key file.")
    ] = Path("node.key"),
    as_json: AsJson = False,
) -> None:
    """Print a public key and its fingerprint, to read out over the telephone; of a node also its line.

    The line is what `gossipfl init` printed: the others paste it into `gossipfl peer add`.

    Examples:

    `gossipfl key show hospital-a`

    `gossipfl key show hospital-a.key`
    """
    from gossipfl.experiment.nodefile import node_path, read_node_file, whereabouts
    from gossipfl.node.keyfile import load_key
    from gossipfl.protocol.identity import Neighbour

    if not path.is_dir() and path.suffix != ".toml":
        _print(path, load_key(path).key, as_json)
        return
    file = node_path(path)
    node = read_node_file(file).node
    key = load_key(file.parent / node.key).key
    _print(file.parent / node.key, key, as_json, str(Neighbour(node.name, whereabouts(node), key)))


def _print(path: Path, key: bytes, as_json: bool, line: str = "") -> None:
    from gossipfl.protocol.identity import fingerprint

    shown = fingerprint(key)
    if as_json:
        print_json({"file": path, "key": key.hex(), "fingerprint": shown} | ({"line": line} if line else {}))
    else:
        typer.echo(f"{key.hex()}\nfingerprint {shown}, secret key in {path}")
        if line:
            typer.echo(line)
