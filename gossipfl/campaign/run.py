"""A campaign from its plan to its result: every run that is not in its folder yet, then what came of all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gossipfl.campaign.check import checked, metric_of
from gossipfl.campaign.ledger import Ledger, Line, key_of, settings_of
from gossipfl.campaign.pool import Task, answers
from gossipfl.campaign.verdict import cell_results, check_requirements, verdict_of
from gossipfl.errors import SettingsError
from gossipfl.experiment.stress import Campaign
from gossipfl.report.stress.result import Labels, Stress
from gossipfl.simulator.workers import threads_allowed

WORKERS_MAX = 1_024
RUNS_MAX = 100_000
Progress = Callable[[int, int], None]


def run_campaign(
    campaign: Campaign,
    out: Path,
    *,
    workers: int | None = None,
    resume: bool = False,
    command: str = "",
    progress: Progress | None = None,
) -> Stress:
    """Run `campaign` in processes of their own, keep each run in `out`, and return what came of it.

    What is in that folder already is not run again. `progress(done, total)` is told of runs. Raises
    `UserError` before the first run if a cell, a requirement or the folder cannot be used.
    """
    began = time.perf_counter()
    if workers is not None and not 1 <= workers <= WORKERS_MAX:
        raise SettingsError(f"{workers} workers cannot be: give 1 to {WORKERS_MAX}.")
    campaign = checked(campaign)
    metric = metric_of(campaign)
    check_requirements(campaign, metric)
    refuse_too_many(campaign)
    tasks = list(_tasks(campaign))
    ledger = Ledger(out)
    lines = ledger.open(campaign.name, (task["key"] for task in tasks), resume)
    todo = [task for task in tasks if task["key"] not in lines]
    failed: dict[str, Line] = {}
    done = len(tasks) - len(todo)
    if progress:
        progress(done, len(tasks))
    for task, answer in answers(todo, workers or threads_allowed(), out / "workers.log"):
        line = {"key": task["key"], "cell": task["cell"], "seed": task["seed"], **answer}
        ledger.add(line)
        (failed if "failure" in answer else lines)[task["key"]] = line
        done += 1
        if progress:
            progress(done, len(tasks))
    found = {_place(task): (lines | failed)[task["key"]] for task in tasks}
    cells = cell_results(campaign, found, metric)
    return Stress(
        campaign.name,
        metric,
        _about(campaign),
        dict(campaign.axes),
        dict(campaign.references),
        campaign.seeds,
        cells,
        [verdict_of(each, campaign, cells, metric) for each in campaign.requirements],
        command,
        campaign.base.model_dump(mode="json", by_alias=True, exclude_none=True),
        campaign.meanings,
        time.perf_counter() - began,
        str(out),
    )


def refuse_too_many(campaign: Campaign) -> None:
    """Raise `SettingsError` for more runs than anybody waits for."""
    runs = len(campaign.cells) * len(campaign.seeds)
    if runs > RUNS_MAX:
        raise SettingsError(
            f"{runs:,} runs are too many: leave out seeds or labels until there are {RUNS_MAX:,}."
        )


def _tasks(campaign: Campaign) -> Iterator[Task]:
    """All runs, seed by seed, so that a campaign that is stopped early has seen every cell."""
    for seed in campaign.seeds:
        for cell in campaign.cells:
            if cell.experiment is not None and not cell.refusal:
                settings = settings_of(cell.experiment, seed)
                yield {"key": key_of(settings), "cell": list(cell.labels), "seed": seed, "settings": settings}


def _place(task: Task) -> tuple[Labels, int]:
    return tuple(task["cell"]), task["seed"]


def _about(campaign: Campaign) -> list[str]:
    """What all cells have in common, in a few words each."""
    all_cells = [cell.experiment for cell in campaign.cells if cell.experiment and not cell.refusal]
    told: list[set[str | None]] = [
        {f"{each.topology.peers} peers" if each.topology.peers else None for each in all_cells},
        {
            Path(each.data.file).name if each.data.file else each.data.dataset or "digits"
            for each in all_cells
        },
        {each.learning.algorithm for each in all_cells},
        {f"{each.learning.rounds} rounds" for each in all_cells},
    ]
    return [word for words in told if len(words) == 1 for word in words if word]
