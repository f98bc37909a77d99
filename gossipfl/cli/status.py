"""`gossipfl status`: how a running node does, seen from outside."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossipfl.cli.console import AsJson, print_json, screen
from gossipfl.errors import RunError, SettingsError

if TYPE_CHECKING:
    from gossipfl.protocol.identity import Address

REFRESH_S = 1.0
ANSWER_S = 5.0
ANSWER_BYTES_MAX = 4 << 20


def status(
    node: Annotated[
        str,
        typer.Argument(
            metavar="[NODE]", help="A node's folder or node.toml, or the HOST:PORT of its metrics."
        ),
    ] = ".",
    as_json: AsJson = False,
) -> None:
    """Show how a running node does: its round, its neighbours, what it refused.

    On a terminal the view is renewed each second until Ctrl-C; elsewhere it is printed once. The exit status
    is 0 if the node is healthy, and 1 if it is stuck, has diverged, or is not there.

    The node answers where its file says `metrics = "127.0.0.1:9464"` in [node].

    Examples:

    `gossipfl status hospital-a`

    `gossipfl status 127.0.0.1:9464 --json`
    """
    address = _address(node)
    console = screen()
    if console.is_terminal and not as_json:
        _watch(address)
        return
    vitals = ask(address)
    if as_json:
        print_json(vitals)
    else:
        from gossipfl.cli.view import lines

        for line in lines(vitals):
            console.print(line, markup=False, soft_wrap=True)
    if vitals["trouble"]:
        raise RunError(f"{vitals['name']} is in trouble: {vitals['trouble']}.")


def _address(node: str) -> Address:
    """Where the node answers that a person means by `node`. Raises `UserError`."""
    from gossipfl.experiment.nodefile import node_path, read_node_file
    from gossipfl.protocol.identity import parse_address

    path = node_path(Path(node))
    if not path.exists() and ":" in node:
        return parse_address(node)
    if not path.is_file():
        raise SettingsError(f"There is no node at {path}: name its folder, its node.toml, or HOST:PORT.")
    metrics = read_node_file(path).node.metrics
    if metrics is None:
        raise SettingsError(
            f'{path} does not say where to look in: add metrics = "127.0.0.1:9464" to its [node], and start '
            "the node again."
        )
    return parse_address(metrics)


def ask(address: Address) -> dict[str, Any]:
    """What the node at `address` says of itself. Raises `RunError`."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/status")
        with connection.getresponse() as answer:
            vitals = json.loads(answer.read(ANSWER_BYTES_MAX))
    except OSError:
        raise RunError(
            f"No node answers at {address}: start it with `gossipfl node`, or see its log if it was started."
        ) from None
    except (http.client.HTTPException, ValueError, RecursionError):
        vitals = None
    finally:
        connection.close()
    if not isinstance(vitals, dict) or "trouble" not in vitals:
        raise RunError(f"What answers at {address} is no node of gossipfl: give the address of its metrics.")
    return vitals


def _watch(address: Address) -> None:
    """Show the node on the terminal until Ctrl-C. Raises `RunError` if it is not there."""
    from rich.console import Console
    from rich.live import Live

    from gossipfl.cli.view import draw

    console = Console()
    try:
        with Live(draw(ask(address)), console=console, auto_refresh=False) as live:
            while True:
                time.sleep(REFRESH_S)
                live.update(draw(ask(address)), refresh=True)
    except KeyboardInterrupt:
        return
