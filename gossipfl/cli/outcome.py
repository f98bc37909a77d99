"""What a node leaves behind: its model, and the summary of its run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gossipfl.errors import RunError
from gossipfl.experiment.modelfile import Explanation, save_model
from gossipfl.learn.divergence import diverged
from gossipfl.report import to_json

if TYPE_CHECKING:
    from gossipfl.cli.journal import Journal
    from gossipfl.cli.voice import Say
    from gossipfl.experiment.member import Member


def finished(state: Path) -> dict[str, Any]:
    """The summary of the run in the folder `state`, if that is over; empty if it is not."""
    try:
        summary = json.loads((state / "summary.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return summary if isinstance(summary, dict) and summary.get("finished") else {}


def left_behind(
    member: Member, vector: Any, journal: Journal, facts: dict[str, Any], say: Say
) -> dict[str, Any]:
    """Write the model (d,) and the summary of the run, and return the summary. Raises `RunError`."""
    model = member.state_path / "model.safetensors"
    if not facts["diverged"] and diverged(vector):
        facts["diverged"] = "The model grew beyond all reason: lower learning.learning_rate."
    metric = "accuracy" if member.dataset.classes else "r2"
    summary = {
        "engine": "node",
        "name": member.file.node.name,
        "peers": len(member.file.peer) + 1,
        "rounds": member.file.learning.rounds,
        "round": journal.round,
        "metric": metric,
        f"{metric}_mean": journal.metrics.get(metric),
        **member.defence.record(),
        **journal.counts(),
        **facts,
        "seed": member.file.run.seed,
        "model": str(model),
        "out": str(member.state_path),
    }
    try:
        if journal.round or not model.exists():  # what an earlier run learned outlives one that never began
            save_model(model, vector, Explanation.of(member.file.model, member.dataset, member.model))
        (member.state_path / "summary.json").write_text(to_json(summary, indent=2) + "\n", "utf-8")
    except OSError as error:
        raise RunError(f"{model} cannot be written ({error.strerror}): free some space, run again.") from None
    ended = "finished" if summary["finished"] else "stopped"
    absent = f" without {', '.join(journal.never_seen)}" if journal.never_seen else ""
    words = f"{ended} in round {journal.round}{absent}; the model is {model}"
    if not journal.round:
        words = f"{ended} before its first round was closed{absent}; its model has learned nothing yet"
    say(words, ended, round=journal.round, absent=journal.never_seen, model=model)
    return summary
