"""Every experiment that comes along is valid, runs, and keeps what the project promises of it."""

from __future__ import annotations

import pytest

from gossipfl import read_experiment, simulate
from gossipfl.experiment.federation import build
from gossipfl.experiment.files import bundled

_SHORT = ("learning.rounds=2", "learning.epochs=1")


@pytest.mark.parametrize("name", bundled())
def test_each_runs(name: str) -> None:
    if name.startswith("cnn"):
        pytest.importorskip("torch")
    later: tuple[str, ...] = ()
    if "dropouts" in name:
        later = ('faults.kill=["1@1"]', 'faults.restart=["1@2"]')
    if "partition" in name:
        later = ('faults.partition=[{kind = "halves", from = 1, to = 2}]',)
    counts_steps = read_experiment(name).learning.steps is not None
    run = simulate(read_experiment(name, (*later, *(_SHORT[:1] if counts_steps else _SHORT))))
    honest = run.summary["peers"] - len(run.summary.get("attackers", ()))
    assert run.summary["finished"] >= honest - (4 if "churn" in name else 1)
    assert run.settings["run"]["name"] == name


@pytest.mark.parametrize("name", bundled())
def test_what_a_run_writes_down_can_be_read_again(name: str) -> None:
    experiment = read_experiment(name)
    dumped = experiment.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert type(experiment).model_validate(dumped) == experiment


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("name", "mean", "worst"),
    [("ring-8", 0.957, 0.947), ("ring-16", 0.957, 0.947), ("breast-cancer-8", 0.95, 0.93)],
)
def test_classes_are_told_apart_as_well_as_promised(name: str, mean: float, worst: float, seed: int) -> None:
    summary = simulate(read_experiment(name, [f"run.seed={seed}"])).summary
    assert summary["accuracy_mean"] >= mean
    assert summary["accuracy_worst"] >= worst


@pytest.mark.parametrize("seed", range(3))
def test_numbers_are_predicted_as_well_as_by_pooled_ridge_regression(seed: int) -> None:
    from sklearn.linear_model import Ridge

    experiment = read_experiment("diabetes-8", [f"run.seed={seed}"])
    federation = build(experiment)
    train, test = federation.train, federation.test
    rows = sorted({int(row) for peer in range(8) for row in federation.train.of(peer).rows})
    ridge = Ridge().fit(train.features[rows], train.targets[rows])
    pooled = ridge.score(test.features[test.rows], test.targets[test.rows])
    assert simulate(experiment).summary["r2_averaged_model"] == pytest.approx(pooled, abs=0.02)
