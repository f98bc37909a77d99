"""Where a node says that others reach it: by its file, unless that cannot know."""

from __future__ import annotations

import pytest

from gossipfl.errors import SettingsError
from gossipfl.experiment.files import validate
from gossipfl.experiment.nodefile import NodeSection, whereabouts
from gossipfl.protocol.identity import parse_address


def node(listen: str, address: str | None = None) -> NodeSection:
    return NodeSection(name="a", listen=listen, address=address)


@pytest.mark.parametrize(
    ("listen", "address", "listed", "said"),
    [
        ("8.8.4.4:7400", None, "8.8.8.8:7400", "8.8.4.4:7400"),
        ("10.0.0.6:7400", None, "10.0.0.5:7400", "10.0.0.6:7400"),
        ("127.0.0.1:7402", None, "127.0.0.1:7401", "127.0.0.1:7402"),
        ("[::1]:7402", None, "localhost:7401", "[::1]:7402"),
        ("a.example:7402", None, "a.example:7401", "a.example:7402"),
        ("0.0.0.0:7402", None, "8.8.8.8:7400", "8.8.8.8:7400"),
        ("[::]:7402", None, "0.0.0.0:7400", "0.0.0.0:7400"),
        ("8.8.4.4:0", None, "8.8.8.8:7400", "8.8.8.8:7400"),
        ("10.0.0.6:7400", None, "8.8.8.8:7400", "8.8.8.8:7400"),
        ("127.0.0.1:7400", None, "10.0.0.5:7400", "10.0.0.5:7400"),
        ("8.8.4.4:7400", None, "a.example:7400", "a.example:7400"),
        ("pod-3:7400", None, "a.example:7400", "a.example:7400"),
        ("0.0.0.0:7402", "b.example:7400", "8.8.8.8:7400", "b.example:7400"),
        ("10.0.0.6:7400", "8.8.4.4:7400", "8.8.8.8:7400", "8.8.4.4:7400"),
    ],
)
def test_a_node_is_where_its_file_says_if_that_may_be_where_it_is_listed(
    listen: str, address: str | None, listed: str, said: str
) -> None:
    assert str(whereabouts(node(listen, address), parse_address(listed))) == said


def test_where_nothing_is_listed_a_node_that_listens_anywhere_must_be_told() -> None:
    with pytest.raises(SettingsError, match=r"node\.address"):
        whereabouts(node("0.0.0.0:7400"))
    assert str(whereabouts(node("0.0.0.0:7400", "a.example:1"))) == "a.example:1"


@pytest.mark.parametrize("address", ["0.0.0.0:7400", "[::]:7400", "a.example:0", "a.example"])
def test_an_address_that_nobody_can_dial_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="address"):
        validate(NodeSection, {"name": "a", "listen": "0.0.0.0:1", "address": address}, "node.toml")
