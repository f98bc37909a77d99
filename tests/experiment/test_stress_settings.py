"""Requirements, overrides on one line, and the cells that a campaign's axes span."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gossipfl.errors import SettingsError
from gossipfl.experiment.files import parse_set, presets, read_experiment
from gossipfl.experiment.inline import as_set, inline
from gossipfl.experiment.requirements import parse_requirement
from gossipfl.experiment.stress import read_campaign

AXES = {
    "loss": {"none": {}, "half": {"network.loss": 0.5}},
    "graph": {"ring": {}, "full": {"topology.kind": "complete"}},
}


@pytest.mark.parametrize(
    ("text", "measure", "over", "sign", "limit"),
    [
        ("accuracy_worst >= 0.9", "accuracy_worst", "mean", ">=", 0.9),
        ("drop<=1%", "drop", "mean", "<=", 0.01),
        ("max(time_ratio) < 1.2", "time_ratio", "max", "<", 1.2),
        (" min( r2_worst ) > -1e-2 ", "r2_worst", "min", ">", -0.01),
        ("refused_non-finite <= 0", "refused_non-finite", "mean", "<=", 0.0),
    ],
)
def test_a_requirement_is_a_measure_and_a_bound(
    text: str, measure: str, over: str, sign: str, limit: float
) -> None:
    found = parse_requirement(text)
    assert (found.measure, found.over, found.sign, found.limit) == (measure, over, sign, limit)


@pytest.mark.parametrize(
    "text", ["", "drop", "drop = 1", "drop <= ", "drop <= x", "sum(drop) <= 1", "1 <= drop", "a <= 1.2.3"]
)
def test_what_is_no_requirement_is_told_its_form(text: str) -> None:
    with pytest.raises(ValueError, match="MEASURE >= NUMBER"):
        parse_requirement(text)


def test_what_is_not_known_holds_no_requirement() -> None:
    assert not parse_requirement("drop <= 1").holds(math.nan)
    assert parse_requirement("drop <= 1").shortfall(math.nan) == math.inf
    assert parse_requirement("drop <= 1").shortfall(3.0) == 2.0


@pytest.mark.parametrize(
    "value",
    [
        1, -2.5, 1e-9, True, "ring", "true", "1.5", "two words", 'a "quoted" \\ one', "", "inf",
        ["2@5", "3@6"], {"leave": 0.05, "a b": [1, {"c": "d"}]}, {3: 20.0}, {}, [],
    ],
)  # fmt: skip
def test_an_override_is_read_as_it_was_meant(value: Any) -> None:
    meant = {str(key): item for key, item in value.items()} if isinstance(value, dict) else value
    assert parse_set(as_set("section.key", value)) == ("section", "key", meant)
    assert tomllib.loads(f"x = {inline(value)}")["x"] == meant


def test_cells_are_all_combinations_and_know_what_they_are_held_against() -> None:
    campaign = read_campaign("ring-8", ["learning.rounds=3"], stress={"axes": AXES, "seeds": 2})
    assert [cell.labels for cell in campaign.cells] == [
        ("none", "ring"), ("none", "full"), ("half", "ring"), ("half", "full"),
    ]  # fmt: skip
    assert campaign.references == {"loss": "none"}
    assert campaign.reference_of(("half", "full")) == ("none", "full")
    last = campaign.cells[-1].experiment
    assert last is not None
    assert (last.network.loss, last.topology.kind, last.learning.rounds) == (0.5, "complete", 3)


def test_a_cell_is_the_experiment_that_its_overrides_give() -> None:
    campaign = read_campaign("ring-8", ["learning.rounds=3"], stress={"axes": AXES})
    for cell in campaign.cells:
        assert cell.experiment == read_experiment("ring-8", [*campaign.sets, *cell.sets])


def test_the_first_seed_is_that_of_the_experiment() -> None:
    campaign = read_campaign("ring-8", ["run.seed=7"], stress={"axes": AXES}, seeds=3)
    assert campaign.seeds == (7, 8, 9)


def test_a_combination_that_settings_refuse_is_kept_with_the_reason() -> None:
    axes = {
        "pace": {"rounds": {}, "own": {"gossip.exchange": "push"}},
        "rule": {"dpsgd": {}, "tracking": {"learning.algorithm": "gradient-tracking"}},
        "staleness": {"none": {}, "some": {"gossip.staleness": 0.5}},
    }
    campaign = read_campaign("ring-8", stress={"axes": axes})
    refused = {cell.labels: cell.refusal for cell in campaign.cells if cell.refusal}
    assert "gossip.staleness" in str(refused["rounds", "dpsgd", "some"])
    assert ("own", "dpsgd", "some") not in refused


@pytest.mark.parametrize(
    ("stress", "words"),
    [
        ({"axes": {f"axis {i}": {"a": {}} for i in range(5)}}, "give 1 to 4"),
        ({"axes": {"loss": {}}}, "stress.axes.loss has no label"),
        (
            {"axes": AXES, "scenario": [{"name": "x", "where": {"los": "none"}, "require": ["drop <= 1"]}]},
            'did you mean "loss"',
        ),
        ({"axes": AXES, "scenario": [{"name": "x", "where": {}, "require": []}]}, "scenario.0.require"),
        ({"axes": {"loss": {"x": {"network.loss": 2}}}}, '"network.loss" cannot be 2'),
        ({"axes": {str(i): {str(j): {} for j in range(11)} for i in range(4)}}, "14,641 cells"),
    ],
)
def test_a_campaign_that_cannot_be_is_refused_in_a_sentence(stress: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_campaign("ring-8", stress=stress)
    assert words in str(refused.value)


@pytest.mark.parametrize("name", presets())
def test_each_preset_is_valid_and_says_what_it_is_for(name: str) -> None:
    campaign = read_campaign(name)
    assert campaign.references
    assert all(cell.experiment for cell in campaign.cells)
    first = presets()[name].read_text("utf-8").partition("\n")[0]
    assert first.startswith("# ")
    assert first.endswith(".")


def test_simulate_knows_presets_by_name() -> None:
    assert read_experiment("dropped-peers").topology.peers == 16
    with pytest.raises(SettingsError, match="dropped-peers"):
        read_experiment("droped-peers")


def test_paths_in_overrides_are_beside_the_file(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('[stress.axes.graph]\nring = {}\nown = { topology.file = "g.txt" }\n', encoding="utf-8")
    cell = read_campaign(str(file)).cells[1]
    assert cell.experiment is not None
    assert cell.experiment.topology.file == str(tmp_path / "g.txt")
