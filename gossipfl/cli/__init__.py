"""The commands: the only place that prints.

Rules:
- Exit status 0 is success, 2 a mistake of the user's, 1 a failure; a mistake is one sentence, no traceback.
- With --json, standard output carries one JSON object and nothing else; all other words go to standard error.
- A command imports what it needs when it runs, so that --help is quick.
"""

from __future__ import annotations

import sys

from gossipfl.errors import GossipflError, UserError


def main() -> None:
    """Run the command line."""
    from gossipfl.cli.app import app

    try:
        app()
    except UserError as error:
        _end(str(error), 2)
    except GossipflError as error:
        _end(str(error), 1)
    except KeyboardInterrupt:
        _end("Stopped.", 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


def _end(sentence: str, status: int) -> None:
    sys.stderr.write(f"gossipfl: {sentence}\n")
    sys.exit(status)
