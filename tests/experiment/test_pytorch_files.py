"""The file of a factory stands beside the file that names it, and the same module learns everywhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tomli_w

import gossipfl
from gossipfl.cli.prepare import prepare
from gossipfl.errors import SettingsError
from gossipfl.experiment.federation import build
from gossipfl.experiment.member import read_member

pytest.importorskip("torch")

LINE = "from torch import nn\ndef line(features, classes):\n    return nn.Linear(features, classes)\n"


def experiment_in(folder: Path) -> Path:
    (folder / "net.py").write_text(LINE, encoding="utf-8")
    table = {
        "topology": {"kind": "complete", "peers": 3},
        "data": {"dataset": "wine"},
        "model": {"kind": "torch", "options": {"factory": "net.py:line"}},
        "learning": {"rounds": 2},
    }
    (folder / "net.toml").write_text(tomli_w.dumps(table), encoding="utf-8")
    return folder / "net.toml"


@pytest.mark.parametrize("engine", ["network", "crowd"])
def test_a_factory_stands_beside_its_experiment(tmp_path: Path, engine: str) -> None:
    experiment = gossipfl.read_experiment(experiment_in(tmp_path), [f"run.engine={engine}"])
    run = gossipfl.simulate(experiment, out=tmp_path / "run")
    assert run.summary["finished"] == 3
    assert (tmp_path / "run" / "models" / "averaged.safetensors").is_file()


def test_a_factory_stands_beside_its_node_file(tmp_path: Path) -> None:
    federation = build(gossipfl.read_experiment(experiment_in(tmp_path)))
    (home, *_), _ = prepare(federation, tmp_path / "up")
    shutil.copy(tmp_path / "net.py", home)
    text = (home / "node.toml").read_text(encoding="utf-8")
    named = federation.experiment.model.options["factory"]
    (home / "node.toml").write_text(
        text.replace(named.replace("\\", "\\\\"), "net.py:line"), encoding="utf-8"
    )
    member = read_member(home / "node.toml")
    assert member.file.model.options["factory"] == "net.py:line"
    assert np.array_equal(member.start(), federation.start())
    alone = member.fit(0, member.start(), 1, None)
    crowd = federation.fit_many(np.arange(3), np.stack([federation.start()] * 3), 1)
    np.testing.assert_allclose(alone, crowd[0], rtol=1e-4, atol=1e-5)


def test_hidden_layers_are_the_factorys_own(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"leave out model\.hidden: the factory"):
        gossipfl.read_experiment(experiment_in(tmp_path), ["model.hidden=[3]"])
