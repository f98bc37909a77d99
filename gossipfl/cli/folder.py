"""A node's folder: made by `gossipfl init`, and extended by `gossipfl peer add`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from gossipfl.errors import SettingsError, UserError
from gossipfl.protocol.identity import Address

if TYPE_CHECKING:
    from gossipfl.experiment.nodefile import NodeFile

TEMPLATE = """\
# The node {name}. Run it with: gossipfl node {folder}

[node]
name = {quoted_name}
key = "node.key"
listen = {listen}
state = "state"
wait_s = 3600  # for peers that are not there yet, once the first is
# metrics = {metrics}  # for gossipfl status, and for Prometheus

[data]
file = {data}
schema = "schema.json"

# What follows must be the same at every node; change it together.

[model]
kind = "auto"

[learning]
rounds = 30

[run]
name = "consortium"

# The others, added by: gossipfl peer add {folder} LINE
"""

_METRICS_AWAY, _PORT_MAX = 2000, 65535
"""From the port of `listen` to that of `metrics`: nodes that share a machine have different ones of both."""


def make_folder(
    folder: Path, name: str, table: Path, listen: str, schema: Path | None, target: str | None
) -> str:
    """Make `folder` and return the line by which others know the node; all or nothing."""
    from gossipfl.data import Schema, make_schema, read_table
    from gossipfl.node.keyfile import create_key
    from gossipfl.protocol.identity import Neighbour, check_name, is_anywhere, parse_address

    check_name(name)
    address = parse_address(listen)
    if address.port == 0:
        raise UserError("Give --listen the port on which the others will find this node, not 0.")
    if is_anywhere(address):
        raise UserError(
            f"Give --listen the address at which the others reach this node instead of {listen}; where it "
            "listens may be another in its node.toml, beside node.address."
        )
    if schema is None and target is None:
        raise UserError("Give --schema, the file that all nodes share, or --target to make the first one.")
    if schema is not None and target is not None:
        raise UserError("Leave out --target: the schema that all nodes share names the target already.")
    if (folder / "node.toml").exists():
        raise UserError(f"{folder} holds a node already: choose another name, or --out another folder.")
    agreed = Schema.read(schema) if schema is not None else make_schema([table], target or "")
    read_table(table, agreed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        identity = create_key(folder / "node.key")
        agreed.write(folder / "schema.json")
        words = TEMPLATE.format(
            name=name,
            folder=folder,
            quoted_name=quoted(name),
            listen=quoted(listen),
            metrics=quoted(str(_beside(address))),
            data=quoted(_seen_from(folder, table)),
        )
        (folder / "node.toml").write_text(words, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): choose another --out.") from None
    return str(Neighbour(name, address, identity.key))


def add_peers(path: Path, lines: list[str]) -> tuple[list[str], list[str]]:
    """Put the peers that `lines` tell of into the node file at `path`, all or none.

    Whoever is listed by its key gets the name and the address of its line. Returns the names of those who are
    new, and of those who were listed. Raises `UserError`.
    """
    import tomli_w

    from gossipfl.experiment.nodefile import read_node_file, roster_of
    from gossipfl.node.keyfile import load_key
    from gossipfl.protocol.identity import parse_key, parse_neighbour

    file = read_node_file(path)
    told = [parse_neighbour(line) for line in lines]
    keys = {peer.key for peer in told}
    listed = {parse_key(peer.key): place for place, peer in enumerate(file.peer)}
    roster = roster_of(file, load_key(path.parent / file.node.key).key)
    kept = [peer for peer in roster.neighbours if peer.key not in keys]
    for peer in told:
        if peer.name in {other.name for other in kept}:
            raise SettingsError(
                f"{peer.name!r} is listed with another key: make sure of the new one over the telephone, and "
                f"run `gossipfl peer remove {path.parent} {peer.name}` first."
            )
    type(roster)(roster.name, roster.key, (*kept, *told))
    again = [listed[peer.key] for peer in told if peer.key in listed]
    blocks = ""
    for peer in told:
        block = {"name": peer.name, "address": str(peer.address), "key": peer.key.hex()}
        if peer.key in listed:  # what its operator has not said stays
            block |= file.peer[listed[peer.key]].model_dump(
                include={"place", "reserve"}, exclude_defaults=True
            )
        blocks += "\n[[peer]]\n" + tomli_w.dumps(block)
    _rewrite(path, _without(path, file, again).rstrip("\n") + "\n" + blocks)
    return [p.name for p in told if p.key not in listed], [p.name for p in told if p.key in listed]


def remove_peer(path: Path, name: str) -> None:
    """Take the [[peer]] called `name` out of the node file at `path`. Raises `SettingsError`."""
    from gossipfl.experiment.nodefile import read_node_file

    file = read_node_file(path)
    places = [place for place, peer in enumerate(file.peer) if peer.name == name]
    if not places:
        raise SettingsError(f"{path} has no peer called {name!r}.")
    _rewrite(path, _without(path, file, places))
    if [peer.name for peer in read_node_file(path).peer] != [p.name for p in file.peer if p.name != name]:
        raise SettingsError(f"Look at {path}: more than the peer {name!r} was changed.")


def _without(path: Path, file: NodeFile, places: list[int]) -> str:
    """The text of `file` at `path`, but for the [[peer]] at each of `places`. Raises `SettingsError`."""
    parts = re.split(r"(?m)^(?=[ \t]*\[)", path.read_text(encoding="utf-8"))
    blocks = [place for place, part in enumerate(parts) if re.match(r"[ \t]*\[\[\s*peer\s*\]\]", part)]
    if places and len(blocks) != len(file.peer):
        name = file.peer[places[0]].name
        raise SettingsError(
            f"Take the peer {name!r} out of {path} by hand: it is not in a [[peer]] of its own."
        )
    gone = {blocks[place] for place in places}
    return "".join(part for place, part in enumerate(parts) if place not in gone)


def _rewrite(path: Path, text: str) -> None:
    temporary = path.with_suffix(".part")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written ({error.strerror}): mend its permissions.") from None


def quoted(text: str) -> str:
    """`text` as a TOML string."""
    import tomli_w

    return tomli_w.dumps({"x": text}).removeprefix("x = ").rstrip("\n")


def _beside(listen: Address) -> Address:
    """Where a node that listens at `listen` may be looked at, and another on this machine may not."""
    port = listen.port + _METRICS_AWAY
    return Address("127.0.0.1", port if port <= _PORT_MAX else listen.port - _METRICS_AWAY)


def _seen_from(folder: Path, table: Path) -> str:
    """`table` as a path that holds from within `folder`, with forward slashes."""
    try:
        return Path(os.path.relpath(table.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive of Windows
        return table.resolve().as_posix()
