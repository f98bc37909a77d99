"""What cannot be trained in PyTorch is refused in one sentence that says what to do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from gossipfl import TorchModel
from gossipfl.errors import SettingsError
from gossipfl.learn.pytorch.examples import small_cnn
from gossipfl.learn.pytorch.factory import beside, find_factory
from gossipfl.learn.registry import build_model
from gossipfl.learn.training import Training

torch = pytest.importorskip("torch")
nn: Any = torch.nn


def line(features: int, classes: int | None) -> Any:
    return nn.Linear(features, classes or 1)


class Detached(nn.Module):  # type: ignore[misc]
    """Forgets where its outputs came from."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.line = nn.Linear(features, classes)

    def forward(self, rows: Any) -> Any:
        return self.line(rows).detach()


def of(*layers: Any) -> Any:
    return lambda features, classes: nn.Sequential(*layers, nn.Linear(features, classes))


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        (of(nn.BatchNorm1d(6)), r"keeps '0.running_mean' from .* use GroupNorm or LayerNorm"),
        (of(nn.BatchNorm1d(6, track_running_stats=False)), "depends on the rows beside it"),
        (lambda *sizes: nn.utils.parametrizations.spectral_norm(nn.Linear(*sizes)), "from batch to batch"),
        (of(nn.Dropout(0.5)), "leave Dropout out"),
        (of(nn.Flatten(0)), r"cannot take rows of 6 features \(RuntimeError: .*nn.Unflatten"),
        (lambda features, _: nn.Linear(features, 1), r"makes \(32, 1\) of 32 rows: .* \(32, 3\)"),
        (lambda *_: nn.ReLU(), "no parameters to train"),
        (nn.LSTM, "returns a tuple"),
        (lambda *_: torch.zeros(3), "makes a Tensor: let it make a torch.nn.Module"),
        (lambda features: nn.Linear(features, 3), r"fails for \(features, classes\) = \(6, 3\) \(TypeError"),
        (Detached, r"cannot be trained \(RuntimeError: .*grad"),
        (lambda _, classes: nn.LazyLinear(classes), "LazyLinear: say their sizes"),
        (small_cnn, "square pictures, and 6 features make none"),
    ],
)
def test_a_module_that_cannot_serve(factory: Any, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        TorchModel(factory, 6, 3)
    assert len(str(caught.value).splitlines()) == 1


def test_dropout_that_sleeps_will_do() -> None:
    assert TorchModel(of(nn.Dropout(0.5).eval()), 6, 3).size == 21


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cnn", 'names no function: write "cnn.py:cnn"'),
        ("absent.py:cnn", "There is no file absent.py"),
        ("no_such_package.module:cnn", "cannot be imported .* name a file"),
        ("gossipfl.learn.pytorch.examples:smal_cnn", 'did you mean "small_cnn"'),
        ("gossipfl.learn.pytorch.examples:_CHANNELS", "has no function"),
    ],
)
def test_a_factory_that_is_not_there(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        TorchModel(text, 16, 3)


def test_a_factory_stands_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "from torch import nn\ndef line(features, classes):\n    return nn.Linear(features, classes)\n",
        encoding="utf-8",
    )
    assert TorchModel(f"{path}:line", 6, 3).size == 21


def test_a_file_alone_is_looked_for_in_a_folder(tmp_path: Path) -> None:
    assert beside("net.py:line", tmp_path) == f"{tmp_path / 'net.py'}:line"
    assert beside(f"{tmp_path / 'net.py'}:line", Path("elsewhere")) == f"{tmp_path / 'net.py'}:line"
    assert beside("package.module:line", tmp_path) == "package.module:line"


def test_a_file_that_would_end_the_program_cannot_be_imported(tmp_path: Path) -> None:
    path = tmp_path / "leaves.py"
    path.write_text("import sys; sys.exit(3)", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"leaves.py cannot be imported \(SystemExit: 3\)"):
        find_factory(f"{path}:cnn")


def test_a_file_that_cannot_be_imported(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("import absent_words\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"net.py cannot be imported \(ModuleNotFoundError"):
        TorchModel(f"{path}:line", 6, 3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "needs a factory"),
        ({"factory": 3}, "give it like 'cnn.py:cnn'"),
        ({"factry": "cnn.py:cnn"}, 'did you mean "factory"'),
        ({"factory": "gossipfl.learn.pytorch.examples:small_cnn", "device": "tpu"}, "device is 'tpu'"),
    ],
)
def test_options_that_are_wrong(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        build_model("torch", features=16, classes=3, options=options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there() -> None:
    with pytest.raises(SettingsError, match="no CUDA device"):
        TorchModel(line, 6, 3, device="cuda")


@pytest.mark.parametrize(("classes", "weights"), [(None, "balanced"), (3, (1.0, 2.0))])
def test_class_weights_that_do_not_fit(classes: int | None, weights: Any) -> None:
    with pytest.raises(SettingsError, match="class_weights"):
        TorchModel(line, 6, classes, Training(class_weights=weights))


def test_torch_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"pip install 'gossipfl\[torch\]'"):
        TorchModel(line, 6, 3)
