"""The models that are trained, and what a sample costs each.

Rules:
- Operations are counted as two for each weight forward, two for its gradient, and two to carry the gradient
  back through it where a layer lies before; what activations and losses take is not counted.
"""

from __future__ import annotations

import os
from typing import Any

import gossipfl
from gossipfl.learn.contracts import Model
from gossipfl.learn.training import Training

FEATURES, CLASSES, HIDDEN = 64, 10, 64
TRAINING = Training(learning_rate=0.1, batch=32, epochs=1)

FLOP_PER_SAMPLE = {
    "softmax": 4 * FEATURES * CLASSES,
    "mlp": 4 * (FEATURES * HIDDEN + HIDDEN * CLASSES) + 2 * HIDDEN * CLASSES,
    # small_cnn: 8 channels at 4 x 4 places, 16 at 2 x 2, and ten classes of those
    "cnn": 4 * (9 * 8 * 16 + 9 * 8 * 16 * 4 + 64 * CLASSES) + 2 * (9 * 8 * 16 * 4 + 64 * CLASSES),
}


def model_of(kind: str, way: str) -> Model:
    """The model of this `kind`, trained by "numpy", "compiled", "torch" or, on a device, "cuda"."""
    if way in ("torch", "cuda"):
        from gossipfl.learn.pytorch import TorchModel

        device = "cuda" if way == "cuda" else "cpu"
        return TorchModel(_FACTORIES[kind], FEATURES, CLASSES, TRAINING, device=device)
    if kind == "softmax":
        model: Model = gossipfl.softmax(FEATURES, CLASSES, TRAINING)
    else:
        model = gossipfl.mlp(FEATURES, CLASSES, (HIDDEN,), TRAINING)
    if way == "numpy":
        return model
    from gossipfl.learn.compiled import fastest

    return fastest(model)


def ask_for(way: str) -> None:
    """Have all that is compiled be so, or nothing."""
    os.environ["GOSSIPFL_KERNELS"] = "numpy" if way == "numpy" else "compiled"


def softmax_module(features: int, classes: int | None) -> Any:
    """One linear layer."""
    from torch import nn

    return nn.Linear(features, classes or 1)


def mlp_module(features: int, classes: int | None) -> Any:
    """One hidden layer."""
    from torch import nn

    return nn.Sequential(nn.Linear(features, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, classes or 1))


_FACTORIES: dict[str, Any] = {
    "softmax": softmax_module,
    "mlp": mlp_module,
    "cnn": "gossipfl.learn.pytorch.examples:small_cnn",
}
