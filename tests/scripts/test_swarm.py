"""Random worlds under every fault: all that must hold does, and bugs put in on purpose are found."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SEEDS, CHUNK = 40, 10
FIND_WITHIN = 200


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


def room(name: str) -> Any:
    return import_module(f"swarming.{name}")


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_whatever_befalls_them_peers_do_what_they_must(first: int) -> None:
    """Inside, each step is checked, and each world is run twice, once without anybody watching."""
    outcomes = [room("swarm").twice(seed) for seed in range(first, first + CHUNK)]
    assert [f"{each.seed}: {each.sentence}" for each in outcomes if each.rule] == []
    assert sum(sum(each.checks.values()) for each in outcomes) > 10_000


PLANTS = {
    "replays-pass": {"used twice"},
    "lives-forgotten": {"refused"},
    "nan-passes": {"not finite", "error"},
    "own-counts-whole": {"weights"},
    "rounds-go-back": {"round goes back"},
    "runs-ahead": {"apart", "out of step"},
    "no-patience": {"patience"},
    "forgeries-pass": {"quarantined"},
    "inbox-hoards": {"memory"},
}


FEW = {"runs-ahead": 6}
NEEDS = {"nan-passes": "nan", "forgeries-pass": "slander"}


def test_every_plant_is_looked_for() -> None:
    assert set(room("plants").PLANTS) == set(PLANTS)


@pytest.mark.parametrize("name", PLANTS)
def test_a_bug_put_in_is_found_and_called_what_it_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant = room("plants").PLANTS[name]
    monkeypatch.setattr(plant.owner, plant.attribute, plant.instead)
    worlds: Iterable[Any] = map(room("lottery").drawn, range(FIND_WITHIN))
    if name in FEW:  # small worlds are quick
        worlds = (world for world in worlds if world.peers <= FEW[name])
    if name in NEEDS:  # nobody else says it
        fit = (world for world in worlds if NEEDS[name] in dict(world.attackers).values())
        worlds = (replace(world, watched=True) for world in fit)
    rules = (room("arena").run(world).rule for world in worlds)
    assert next(filter(None, rules), None) in PLANTS[name]


def test_a_failing_world_is_shrunk_to_one_that_fails_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    plant = room("plants").PLANTS["rounds-go-back"]
    monkeypatch.setattr(plant.owner, plant.attribute, plant.instead)
    run, drawn = room("arena").run, room("lottery").drawn
    world = next(world for world in map(drawn, range(FIND_WITHIN)) if run(world).rule)
    smallest = room("shrink").shrunk(world, "round goes back", seconds=20)
    assert run(smallest).rule == "round goes back"
    assert smallest.peers <= world.peers
    assert len(smallest.ailments) <= len(world.ailments)


def test_one_seed_is_told_in_words(capsys: Any) -> None:
    assert room("__main__").main(["--seed", "1"]) == 0
    said = capsys.readouterr().out
    assert "seed 1:" in said
    assert "all held:" in said


def test_a_swarm_is_summed_up_for_machines(capsys: Any) -> None:
    assert room("__main__").main(["--first", "5", "--seeds", "3", "--json"]) == 0
    record = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (record["worlds"], record["failed"]) == (3, [])
    assert record["events"] > 0


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["--seed", "1", "--seeds", "5"], "leave out --seeds"),
        (["--seeds", "0"], "above 0"),
        (["--first", "-1"], "0 or more"),
        (["--plant", "no-such-bug"], "rounds-go-back"),
    ],
)
def test_wrong_use_is_told_with_advice(words: list[str], advice: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        room("__main__").main(words)
    assert ended.value.code == 2
    assert advice in capsys.readouterr().err
