"""`gossipfl simulate --baseline`: gossip, what there would be in its place, or all of them side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gossipfl.cli.console import print_json, progress_bar, screen
from gossipfl.errors import SettingsError, instead

if TYPE_CHECKING:
    from gossipfl.experiment.federation import Federation
    from gossipfl.experiment.settings import Experiment
    from gossipfl.report import Run

ALL = "all"
GOSSIP = "gossip"
_LONG = ("Trace hash",)
"""Figures too long to stand in columns; the page and the summaries have them."""


def check_baseline(baseline: str | None, experiment: Experiment, participation: float) -> None:
    """Raise `SettingsError` for a baseline that is not there, or that cannot do as it is told."""
    from gossipfl.experiment.baseline import heard_alone, refuse_baseline
    from gossipfl.simulator.baselines import BASELINES

    if baseline is None:
        if participation != 1.0:
            raise SettingsError(
                "--participation is for --baseline fedavg: leave it out, or name the baseline."
            )
    elif baseline == ALL:
        refuse_baseline("fedavg", heard_alone(experiment, "fedavg"), participation)
    elif baseline not in BASELINES:
        raise SettingsError(f'There is no baseline "{baseline}": {instead(baseline, (*BASELINES, ALL))}')
    else:
        refuse_baseline(baseline, experiment, participation)


def check_scratch(scratch: Path | None, experiment: Experiment, baseline: str | None) -> None:
    """Raise `SettingsError` for files of a crowd that there is not."""
    if scratch is not None and baseline is not None:
        raise SettingsError("--scratch and --baseline do not go together: leave out one of them.")
    if scratch is not None and experiment.run.engine != "crowd":
        raise SettingsError("--scratch is for the crowd alone: leave it out, or add --engine crowd.")


def run_one(
    federation: Federation, baseline: str | None, participation: float, scratch: Path | None = None
) -> Run:
    """Gossip, or the baseline in its place, with a bar on standard error."""
    from gossipfl.engines import run_baseline, run_crowd, run_network

    words = f"{federation.experiment.run.name}: {federation.peers} peers"
    with progress_bar(f"{words}, {baseline}" if baseline else words) as progress:
        if baseline is None and federation.experiment.run.engine == "crowd":
            return run_crowd(federation, progress, scratch=scratch)
        if baseline is None:
            return run_network(federation, progress=progress)
        return run_baseline(federation, baseline, participation, progress)


def side_by_side(
    federation: Federation, participation: float, folder: Path, command: str, as_json: bool
) -> dict[str, Run]:
    """Run gossip and every baseline into folders of `folder`, and compare them on a page there; all runs."""
    from dataclasses import replace

    from gossipfl.engines import save_run
    from gossipfl.experiment.baseline import heard_alone, said_in_vain
    from gossipfl.report import write_comparison
    from gossipfl.simulator.baselines import BASELINES

    experiment, runs = federation.experiment, {GOSSIP: run_one(federation, None, 1.0)}
    for name in BASELINES:
        heard = replace(federation, experiment=heard_alone(experiment, name))
        runs[name] = run_one(heard, name, participation if name == "fedavg" else 1.0)
    for name, run in runs.items():
        run.summary["command"] = command
        save_run(run, federation, folder / name)
    page = write_comparison([folder / name for name in runs], folder)
    unheard = {name: said_in_vain(name, experiment) for name in BASELINES}
    if as_json:
        summaries = {name: run.summary for name, run in runs.items()}
        print_json({"runs": summaries, "unheard": unheard, "report": page})
    else:
        _print(runs, unheard, page)
    return runs


def _print(runs: dict[str, Run], unheard: dict[str, list[str]], page: Path) -> None:
    from gossipfl.report.compare import columns_as_text, compared_rows

    rows = [
        row for row in compared_rows(list(runs.values())) if len(set(row[1:])) > 1 and row[0] not in _LONG
    ]
    console = screen()
    console.print(columns_as_text(("", *runs), rows), markup=False, soft_wrap=True)
    asked = runs["fedavg"].summary["participation"]
    if asked < 1.0:
        console.print(f"\nfedavg asks {100 * asked:.3g} % of the peers in each round.", markup=False)
    if vain := sorted(set.intersection(*map(set, unheard.values()))):
        console.print(f"\nOnly gossip hears {', '.join(vain)}.", markup=False)
    console.print(f"\nReport: {page}", markup=False, soft_wrap=True)
