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
def show(path: KeyFile = Path("node.key"), as_json: AsJson = False) -> None:
    """Print the public key of a key file, and its fingerprint to read out over the telephone.

    Example: `gossipfl key show hospital-a.key`
    """
    from gossipfl.node.keyfile import load_key

    _print(path, load_key(path).key, as_json)


def _print(path: Path, key: bytes, as_json: bool) -> None:
    from gossipfl.protocol.identity import fingerprint

    if as_json:
        print_json({"file": path, "key": key.hex(), "fingerprint": fingerprint(key)})
    else:
        typer.echo(f"{key.hex()}\nfingerprint {fingerprint(key)}, secret key in {path}")
