"""Small modules to begin with, each a factory: (features, classes) -> `torch.nn.Module`."""

from __future__ import annotations

import math
from typing import Any

from gossipfl.errors import SettingsError

_CHANNELS = (8, 16)


def small_cnn(features: int, classes: int | None) -> Any:
    """Two convolutions and a linear layer, for square pictures in grey, such as digits and MNIST.

    The convolutions skip every second pixel where others would pool: on a processor, pooling costs more than
    all else together.
    """
    from torch import nn

    side = math.isqrt(features)
    if side * side != features or side < 4:
        raise SettingsError(
            f"small_cnn is for square pictures, and {features} features make none: use another."
        )
    first, second = _CHANNELS
    left = math.ceil(side / 4)
    return nn.Sequential(
        nn.Unflatten(1, (1, side, side)),
        nn.Conv2d(1, first, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(first, second, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(second * left * left, classes or 1),
    )
