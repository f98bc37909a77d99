"""The commands: the only place that prints.

Rules:
- Exit status 0 is success, 2 a mistake of the user's, 1 a failure; a mistake is one sentence, no traceback.
- With --json, standard output carries one JSON value and nothing else; all other words go to standard error.
- A command imports what it needs when it runs, so that --help is quick.
"""

from __future__ import annotations

import os
import sys

from gossipfl.errors import GossipflError, UserError

STOPPED = 130


def main() -> None:
    """Run the command line."""
    import typer

    from gossipfl.cli.app import app

    usage_error: type[Exception] = typer.BadParameter.__mro__[1]
    try:
        status = app(prog_name="gossipfl", standalone_mode=False)
    except usage_error as error:
        _misused(error)
    except GossipflError as error:
        _end(str(error), status_of(error))
    except BrokenPipeError:  # whoever read our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        _end("Stopped.", STOPPED)
    if status == STOPPED:
        _end("Stopped.", STOPPED)
    sys.exit(status)


def status_of(error: GossipflError) -> int:
    """With what a command ends that failed by `error`."""
    return 2 if isinstance(error, UserError) else 1


def _misused(error: Exception) -> None:
    """An option or argument that is absent, unknown or malformed, in one sentence."""
    words = " ".join(error.format_message().split()) if hasattr(error, "format_message") else str(error)
    if not words:  # the help was printed instead
        sys.exit(2)
    command = getattr(getattr(error, "ctx", None), "command_path", "gossipfl")
    _end(f"{words.rstrip('.?')}: see `{command} --help`.", 2)


def _end(sentence: str, status: int) -> None:
    sys.stderr.write(f"gossipfl: {sentence}\n")
    sys.exit(status)
