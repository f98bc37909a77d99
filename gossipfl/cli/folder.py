"""A node's folder: made by `gossipfl init`, and extended by `gossipfl peer add`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from gossipfl.errors import SettingsError, UserError

TEMPLATE = """\
# The node {name}. Run it with: gossipfl node {folder}

[node]
name = {quoted_name}
key = "node.key"
listen = {listen}
state = "state"
wait_s = 3600  # for peers that are not there yet, once the first is
# metrics = "127.0.0.1:9464"  # for gossipfl status, and for Prometheus

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


def make_folder(
    folder: Path, name: str, table: Path, listen: str, schema: Path | None, target: str | None
) -> str:
    """Make `folder` and return the line by which others know the node; all or nothing."""
    from gossipfl.data import Schema, make_schema, read_table
    from gossipfl.node.keyfile import create_key
    from gossipfl.protocol.identity import Neighbour, check_name, parse_address

    check_name(name)
    address = parse_address(listen)
    if address.port == 0:
        raise UserError("Give --listen the port on which the others will find this node, not 0.")
    if schema is None and target is None:
        raise UserError("Give --schema, the file that all nodes share, or --target to make the first one.")
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
            data=quoted(_seen_from(folder, table)),
        )
        (folder / "node.toml").write_text(words, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): choose another --out.") from None
    return str(Neighbour(name, address, identity.key))


def add_peers(path: Path, lines: list[str]) -> list[str]:
    """Add the peers that `lines` tell of to the node file at `path`; returns their names. All or none."""
    from gossipfl.experiment.nodefile import read_node_file, roster_of
    from gossipfl.node.keyfile import load_key
    from gossipfl.protocol.identity import parse_neighbour

    file = read_node_file(path)
    added = [parse_neighbour(line) for line in lines]
    before = path.read_text(encoding="utf-8")
    blocks = "".join(
        f"\n[[peer]]\nname = {quoted(peer.name)}\naddress = {quoted(str(peer.address))}\n"
        f"key = {quoted(peer.key.hex())}\n"
        for peer in added
    )
    roster = roster_of(file, load_key(path.parent / file.node.key).key)
    type(roster)(roster.name, roster.key, (*roster.neighbours, *added))
    _rewrite(path, before.rstrip("\n") + "\n" + blocks)
    return [peer.name for peer in added]


def remove_peer(path: Path, name: str) -> None:
    """Take the [[peer]] called `name` out of the node file at `path`. Raises `SettingsError`."""
    from gossipfl.experiment.nodefile import read_node_file

    file = read_node_file(path)
    places = [place for place, peer in enumerate(file.peer) if peer.name == name]
    parts = re.split(r"(?m)^(?=[ \t]*\[)", path.read_text(encoding="utf-8"))
    blocks = [place for place, part in enumerate(parts) if re.match(r"[ \t]*\[\[\s*peer\s*\]\]", part)]
    if not places:
        raise SettingsError(f"{path} has no peer called {name!r}.")
    if len(blocks) != len(file.peer):
        raise SettingsError(
            f"Take the peer {name!r} out of {path} by hand: it is not in a [[peer]] of its own."
        )
    del parts[blocks[places[0]]]
    _rewrite(path, "".join(parts))
    if [peer.name for peer in read_node_file(path).peer] != [p.name for p in file.peer if p.name != name]:
        raise SettingsError(f"Look at {path}: more than the peer {name!r} was changed.")


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


def _seen_from(folder: Path, table: Path) -> str:
    """`table` as a path that holds from within `folder`, with forward slashes."""
    try:
        return Path(os.path.relpath(table.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive of Windows
        return table.resolve().as_posix()
