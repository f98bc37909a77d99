"""`gossipfl status`: how a running node does, seen from outside."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gossipfl.cli.console import AsJson, print_json, screen
from gossipfl.errors import GossipflError, KeyFileError, RunError, SettingsError

if TYPE_CHECKING:
    from gossipfl.experiment.nodefile import NodeSection
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
    is 0 if the node is healthy, and 1 if it is stuck, has diverged, is let in by nobody, or is not there.

    The node answers where its file says `metrics`, in [node].

    Examples:

    `gossipfl status hospital-a`

    `gossipfl status 127.0.0.1:9464 --json`
    """
    look = _looking(node)
    console = screen()
    if console.is_terminal and not as_json:
        _watch(look)
        return
    vitals = look()
    if as_json:
        print_json(vitals)
    else:
        from gossipfl.cli.view import lines

        for line in lines(vitals):
            console.print(line, markup=False, soft_wrap=True)
    if vitals["trouble"]:
        raise RunError(f"{vitals['name']} is in trouble: {vitals['trouble']}.")


def _looking(node: str) -> Callable[[], dict[str, Any]]:
    """How to see the vitals of the node that a person means by `node`. Raises `UserError`."""
    from gossipfl.experiment.nodefile import node_path, read_node_file
    from gossipfl.protocol.identity import parse_address

    if ":" in node and not Path(node).exists():
        return partial(ask, parse_address(node))
    path = node_path(Path(node))
    return partial(_ask_node, path, read_node_file(path).node)


def _ask_node(path: Path, node: NodeSection) -> dict[str, Any]:
    """What the `node` whose file is at `path` says of itself. Raises `SettingsError` or `RunError`."""
    from gossipfl.protocol.identity import parse_address

    try:
        if not node.metrics:
            raise SettingsError(
                f'{path} does not say where to look in: add metrics = "127.0.0.1:9464" to its [node], and '
                "start the node again."
            )
        vitals = ask(parse_address(node.metrics))
        _refuse_another(vitals, node, path.parent / node.key)
    except GossipflError:
        _refuse_over(path.parent / node.state, node.name)
        raise
    return vitals


def _refuse_another(vitals: dict[str, Any], node: NodeSection, key: Path) -> None:
    """Raise `SettingsError` unless `vitals` are of the `node` that has `key`."""
    shown = vitals.get("fingerprint")
    if vitals["name"] != node.name or _fingerprint(key) not in ("", shown):
        raise SettingsError(
            f"Another node answers at {node.metrics}, {vitals['name']} ({shown}): give each a node.metrics "
            "of its own, and start it again."
        )


def _refuse_over(state: Path, name: str) -> None:
    """Raise `RunError` if the run of the node `name` is over, as its folder `state` says."""
    from gossipfl.cli.outcome import finished

    if summary := finished(state):
        model = state / "model.safetensors"
        raise RunError(
            f"{name} runs no more: it has finished, in round {summary.get('round')}; its model is {model}."
        ) from None


def _fingerprint(key: Path) -> str:
    """Of the node's key; empty if who asks may not read it."""
    from gossipfl.node.keyfile import load_key
    from gossipfl.protocol.identity import fingerprint

    try:
        return fingerprint(load_key(key).key)
    except KeyFileError:
        return ""


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
    if not isinstance(vitals, dict) or not {"name", "trouble"} <= vitals.keys():
        raise RunError(f"What answers at {address} is no node of gossipfl: give the address of its metrics.")
    return vitals


def _watch(look: Callable[[], dict[str, Any]]) -> None:
    """Show the node on the terminal until Ctrl-C. Raises `RunError` if it is not there."""
    from rich.console import Console
    from rich.live import Live

    from gossipfl.cli.view import draw

    console = Console()
    try:
        with Live(draw(look()), console=console, auto_refresh=False) as live:
            while True:
                time.sleep(REFRESH_S)
                live.update(draw(look()), refresh=True)
    except KeyboardInterrupt:
        return
