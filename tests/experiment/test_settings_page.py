"""The page of settings names every key that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from gossipfl.experiment.nodefile import NodeDataSection, NodeSection
from gossipfl.experiment.section import Section
from gossipfl.experiment.settings import Experiment
from gossipfl.experiment.stress import ScenarioSettings, StressSettings
from gossipfl.learn.attacks import ATTACKS
from gossipfl.learn.registry import ALGORITHMS

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
SECTIONS = [
    *((name, field.annotation) for name, field in Experiment.model_fields.items()),
    ("node", NodeSection),
    ("data", NodeDataSection),
    ("stress", StressSettings),
    ("stress.scenario", ScenarioSettings),
]


@pytest.mark.parametrize(("name", "section"), SECTIONS)
def test_every_key_is_explained(name: str, section: type[Section]) -> None:
    for field, info in section.model_fields.items():
        key = info.alias or field
        assert f"`{key}`" in PAGE or f"`{name}.{key}`" in PAGE, key


def test_every_attack_is_named() -> None:
    assert all(f'"{name}"' in PAGE for name in ATTACKS)


def test_every_algorithm_is_named() -> None:
    assert all(f'"{name}"' in PAGE for name in ALGORITHMS)
