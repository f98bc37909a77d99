"""One process of a campaign: reads tasks as lines of JSON, runs them one after another, answers in lines.

Rules:
- What a model's own code prints cannot get among the answers: it goes to standard error.
- When standard input ends, the campaign is gone, and so is the process, whatever it is at.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from typing import Any, TextIO


def main() -> None:
    """Work until there is nothing to read."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started us decides when we end
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    tasks: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin, tasks), daemon=True).start()
    while True:
        answers.write(json.dumps(answer(json.loads(tasks.get()))) + "\n")
        answers.flush()


def answer(task: dict[str, Any]) -> dict[str, Any]:
    """What came of one task: its figures, or a sentence about why there are none."""
    from gossipfl.campaign.check import federation_of
    from gossipfl.campaign.measures import curves_by_round, figures_of
    from gossipfl.engines import run_crowd, run_network
    from gossipfl.errors import GossipflError
    from gossipfl.experiment.settings import Experiment

    began = time.perf_counter()
    try:
        experiment = Experiment.model_validate(task["settings"])
        federation = federation_of(experiment)
        run = run_crowd(federation) if experiment.run.engine == "crowd" else run_network(federation)
        figures, curves = figures_of(run, experiment), curves_by_round(run)
    except GossipflError as error:
        return {"failure": str(error)}
    except Exception as error:  # a bug in one cell is told there, and the others go on
        traceback.print_exc()
        return {"failure": f"It ended with {type(error).__name__}: {error}"}
    return {"figures": figures, "curves": curves, "wall_s": time.perf_counter() - began}


def _read(source: TextIO, tasks: queue.SimpleQueue[str]) -> None:
    for line in source:
        tasks.put(line)
    os._exit(1)


if __name__ == "__main__":
    main()
