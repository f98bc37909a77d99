"""What a node says while it runs, on standard error: a line of words for people, or of JSON for machines.

Rules:
- An event is one line, written whole: threads speak, too.
- Both voices say the same events; what is a fact, machines need not read out of words.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

import typer

from gossipfl.errors import GossipflError

NOTE = "note"


class Say(Protocol):
    """Tells of an event: in `words`, by its kind, and its facts by their names."""

    def __call__(self, words: str, event: str = NOTE, **facts: Any) -> None: ...


def to_people(words: str, event: str = NOTE, **facts: Any) -> None:  # noqa: ARG001  they are in the words
    """The words, and the time of day here."""
    typer.echo(f"{time.strftime('%H:%M:%S')} {words}", err=True)


def to_machines(words: str, event: str = NOTE, **facts: Any) -> None:
    """A JSON object: when it was by UTC, what, the words, and the facts."""
    from gossipfl.report import to_json

    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    typer.echo(to_json({"time": now, "event": event, "words": words, **facts}), err=True)


@contextmanager
def last_words(say: Say) -> Iterator[None]:
    """A failure within the block is an event as well, and the command ends with its status."""
    from gossipfl.cli import status_of

    try:
        yield
    except GossipflError as error:
        say(str(error), "failed")
        raise typer.Exit(status_of(error)) from None
