"""PyTorch modules as models, trained for all peers at once. Nothing here loads torch before it is used."""

from __future__ import annotations

from gossipfl.learn.pytorch.model import TorchModel

__all__ = ["TorchModel"]
