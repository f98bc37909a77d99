"""What an experiment says of faults, as plans and rules for the network in virtual time."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import SettingsError
from gossipfl.experiment.adversity import (
    ChurnSettings,
    FaultsSettings,
    NetworkSettings,
    drop_outs,
    moments,
    pauses,
    slow_phases,
)
from gossipfl.protocol.wire import message_bytes
from gossipfl.simulator.faults import (
    Absence,
    Back,
    Bandwidth,
    Churn,
    Corruption,
    DropOut,
    Duplication,
    Fault,
    Kill,
    Latency,
    LatencyMatrix,
    Leave,
    LogNormalLatency,
    Loss,
    Partition,
    Pause,
    Reordering,
    Rule,
    Sessions,
    Skew,
    Slow,
)

BITS = 1e6
"""In a megabit."""


def plans_of(faults: FaultsSettings) -> tuple[Fault, ...]:
    """What befalls whom by these settings. Raises `SettingsError` for a trace that cannot be read."""
    return (
        *(Kill(*fate) for fate in moments(faults.kill)),
        *(Leave(*fate) for fate in moments(faults.leave)),
        *(Back(*fate) for fate in moments(faults.restart)),
        *(Pause(*fate) for fate in pauses(faults.pause)),
        *(Slow(*fate) for fate in slow_phases(faults.slow_down)),
        *(DropOut(*fate) for fate in drop_outs(faults.drop_out)),
        *(
            Partition(
                cut.kind,
                cut.first if cut.first is not None else cut.first_s or 0.0,
                cut.last if cut.last is not None else cut.last_s or 0.0,
                cut.peer,
                0.5 if cut.share is None else cut.share,
                by_time=cut.first is None,
            )
            for cut in faults.partition
        ),
        *_churn(faults.churn),
        *(Skew(peer, ahead_s) for peer, ahead_s in faults.clock_skew_s.items()),
    )


def rules_of(network: NetworkSettings, peers: int, seed: int) -> tuple[Rule, ...]:
    """What messages meet by these settings. Raises `SettingsError` for a matrix that does not fit."""
    rules: list[Rule] = []
    if network.duplicate:
        rules.append(Duplication(network.duplicate, seed))
    rules += _latency(network, peers, seed)
    if network.bandwidth_mbps is not None:
        rules.append(Bandwidth(network.bandwidth_mbps * BITS, message_bytes))
    if network.loss:
        rules.append(Loss(network.loss, seed))
    if network.reorder:
        rules.append(Reordering(network.reorder, seed))
    if network.corrupt:
        rules.append(Corruption(network.corrupt, seed))
    return tuple(rules)


def check_plans(plans: Sequence[Fault], peers: int) -> None:
    """Raise `SettingsError` if one names a peer that is not there."""
    for plan in plans:
        peer = getattr(plan, "peer", None)
        if peer is not None and not 0 <= peer < peers:
            raise SettingsError(
                f"There is no peer {peer} for {type(plan).__name__} to befall: peers are 0 to {peers - 1}."
            )


def _latency(network: NetworkSettings, peers: int, seed: int) -> list[Rule]:
    if network.latency_file is not None:
        return [
            LatencyMatrix(_matrix(Path(network.latency_file), peers)),
            *([Latency(0.0, network.jitter_s, seed)] if network.jitter_s else []),
        ]
    if network.latency_sigma:
        return [LogNormalLatency(network.latency_s, network.latency_sigma, seed)]
    return [Latency(network.latency_s, network.jitter_s, seed)]


def _matrix(path: Path, peers: int) -> NDArray[np.float64]:
    rows = _rows(path, "network.latency_file")
    try:
        seconds = np.array([[float(cell) for cell in row] for row in rows])
    except ValueError:
        raise SettingsError(f"{path.name} holds what is no number: give rows of seconds alone.") from None
    if seconds.shape != (peers, peers) or not (np.isfinite(seconds) & (seconds >= 0)).all():
        raise SettingsError(
            f"{path.name} must hold {peers} rows of {peers} seconds, one for each pair, none negative."
        )
    return seconds


def _churn(churn: ChurnSettings) -> list[Fault]:
    if churn.leave is not None and churn.back is not None:
        return [Churn(churn.leave, churn.back, churn.forget)]
    if churn.session_s is not None and churn.absence_s is not None:
        return [Sessions(churn.session_s, churn.absence_s, churn.forget)]
    return [] if churn.trace is None else [*_trace(Path(churn.trace), churn.forget)]


def _trace(path: Path, forgets: bool) -> list[Absence]:
    found = []
    for number, row in enumerate(_rows(path, "faults.churn.trace"), 1):
        if number == 1 and row[:2] == ["peer", "leaves_s"]:
            continue
        try:
            peer, leaves, returns = row
            returns_s = float(returns) if returns.strip() else None
            absence = Absence(int(peer), float(leaves), returns_s, forgets)
        except ValueError:
            raise SettingsError(
                f"{path.name} line {number} is not peer, leaves_s, returns_s: write three numbers, the last "
                "of which may be missing."
            ) from None
        if not 0 <= absence.leaves_s < (np.inf if absence.returns_s is None else absence.returns_s):
            raise SettingsError(f"{path.name} line {number}: let peer {peer} return after it left.")
        found.append(absence)
    return found


def _rows(path: Path, key: str) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error):
        raise SettingsError(f"{key} names {path}, which cannot be read: give a CSV file.") from None
