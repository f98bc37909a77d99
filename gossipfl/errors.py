"""Every error that gossipfl raises on purpose, on one page.

A message is one sentence that tells its reader what to do. Any other exception is our own bug.
"""


class GossipflError(Exception):
    """What all of them are."""


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
