"""All targets, by name."""

from __future__ import annotations

from fuzzing.headers import HEADERS
from fuzzing.members import COUNCIL, MEMBER_LIST
from fuzzing.nodes import NODES
from fuzzing.peers import PEER
from fuzzing.settings import SETTINGS
from fuzzing.streams import STREAM
from fuzzing.tables import TABLES

TARGETS = {
    each.name: each for each in (STREAM, PEER, COUNCIL, MEMBER_LIST, *HEADERS, *NODES, *SETTINGS, *TABLES)
}
