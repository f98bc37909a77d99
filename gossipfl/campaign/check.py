"""Every cell of a campaign is built before the first runs: what an engine refuses is known at once."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from gossipfl.data import Dataset
from gossipfl.engines import check_moments, network_of
from gossipfl.errors import SettingsError, UserError
from gossipfl.experiment.crowd import refuse_crowd
from gossipfl.experiment.dealing import load_data
from gossipfl.experiment.federation import Federation, build
from gossipfl.experiment.settings import DataSettings, Experiment
from gossipfl.experiment.stress import Campaign, Cell, refuse_unusable


def checked(campaign: Campaign) -> Campaign:
    """`campaign`, its cells that an engine refuses with the reason. Raises `UserError` if none can run."""
    data = [cell.experiment.data for cell in campaign.cells if cell.experiment]
    for settings in dict.fromkeys(each.model_dump_json(by_alias=True) for each in data):
        _loaded(settings)  # data that is not there is no engine's refusal
    cells = tuple(_checked(cell) for cell in campaign.cells)
    refuse_unusable(campaign.axes, cells)
    return replace(campaign, cells=cells)


def federation_of(experiment: Experiment) -> Federation:
    """What an engine can run, with data that is read once for all cells. Raises `UserError`."""
    federation = build(experiment, dataset=_loaded(experiment.data.model_dump_json(by_alias=True)))
    if experiment.run.engine == "crowd":
        refuse_crowd(federation, None, check_moments(federation))
    else:
        network_of(federation, _unheard, _unheard)
    return federation


def _unheard(*_told: object) -> None:
    """Nobody listens to a network that is not run."""


def metric_of(campaign: Campaign) -> str:
    """What all models are judged by. Raises `SettingsError` if cells differ in it."""
    runnable = [cell.experiment for cell in campaign.cells if cell.experiment and not cell.refusal]
    distinct = {each.data.model_dump_json(by_alias=True): each for each in runnable}
    found = {federation_of(each).metric for each in distinct.values()}
    if len(found) > 1:
        raise SettingsError("Some cells tell classes apart and some predict numbers: run them separately.")
    return found.pop()


def _checked(cell: Cell) -> Cell:
    if cell.experiment is None:
        return cell
    try:
        federation_of(cell.experiment)
    except UserError as error:
        return replace(cell, refusal=str(error))
    return cell


@lru_cache(maxsize=4)
def _loaded(settings: str) -> Dataset:
    return load_data(DataSettings.model_validate_json(settings))
