"""Every error that gossipfl raises on purpose, on one page.

A message is one sentence that tells its reader what to do. Any other exception is our own bug.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MESSAGE_CHARS_MAX = 2000
_TAIL_CHARS = 500
_LISTED_MAX = 20


class GossipflError(Exception):
    """What all of them are. What a message repeats of foreign text is cut, and cannot steer a terminal."""

    def __init__(self, message: object = "") -> None:
        super().__init__(_printable(str(message)))


class UserError(GossipflError):
    """Something given to us cannot be used as it is: a file, an option, a setting. Exit status 2."""


class SettingsError(UserError):
    """An experiment or node file, or a `--set`, that does not validate."""


class DataError(UserError):
    """Data that is absent, unreadable, or does not fit its schema."""


class TopologyError(UserError):
    """A graph that cannot be built, or that cannot serve."""


class KeyFileError(UserError):
    """A key file that is absent, malformed, or that others could read."""


class RunError(GossipflError):
    """A run that could not be carried to its end. Exit status 1."""


class LinkError(GossipflError):
    """The operating system broke a link. It is dialled again, for ever."""


class ProtocolError(GossipflError):
    """A rule of the conversation was broken."""


class LocalProtocolError(ProtocolError):
    """We broke it: a bug of ours."""


class RemoteProtocolError(ProtocolError):
    """They broke it. `reason` is a short stable word under which it is counted."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def instead(name: str, known: Iterable[str]) -> str:
    """How to end a message about an unknown `name`: `did you mean "age"?`, or a list of what is known."""
    names = list(known)
    folded = {other.casefold(): other for other in names}
    if near := difflib.get_close_matches(name.casefold(), folded, n=1):
        return f'did you mean "{folded[near[0]]}"?'
    listed = ", ".join(f'"{other}"' for other in names[:_LISTED_MAX])
    return f"known are {listed}{' and others' if len(names) > _LISTED_MAX else ''}."


def _printable(message: str) -> str:
    """`message` as any terminal shows it, without its middle if it is over `MESSAGE_CHARS_MAX` letters."""
    if len(message) > MESSAGE_CHARS_MAX:
        cut = " ... "
        message = message[: MESSAGE_CHARS_MAX - _TAIL_CHARS - len(cut)] + cut + message[-_TAIL_CHARS:]
    if message.isprintable():
        return message
    return "".join(
        letter if letter.isprintable() or letter == "\n" else _escaped(letter) for letter in message
    )


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
