"""Tries a module before it is trained, so that what cannot serve is refused in one sentence."""

from __future__ import annotations

from typing import Any

import torch

from gossipfl.errors import SettingsError
from gossipfl.learn.pytorch.factory import told


def refuse_misfit(module: Any, inputs: Any, outputs: int) -> None:
    """Raise `SettingsError` unless `module` is a function of its parameters and of each row (f,) alone.

    `inputs` are rows (b, f), of which it has to make (b, outputs).
    """
    before = {name: (buffer, buffer.clone(), buffer._version) for name, buffer in module.named_buffers()}
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        try:
            made = module(inputs)
        except Exception as error:
            raise SettingsError(
                f"The module cannot take rows of {inputs.shape[1]} features ({told(error)}): "
                "begin with nn.Unflatten where it wants another shape."
            ) from None
        _refuse_shape(made, len(inputs), outputs)
        for name, buffer in module.named_buffers():
            held, was, version = before[name]
            written = buffer._version != version  # which may leave it what it was
            if written or buffer is not held or not torch.equal(buffer, was):
                raise SettingsError(
                    f"The module keeps {name!r} from batch to batch, which is no parameter that peers could "
                    "average: use GroupNorm or LayerNorm in the place of BatchNorm."
                )
        if not _alike(made, module(inputs)):
            raise SettingsError(
                "The module draws at random, and a peer must come to the same whoever trains beside it: "
                "leave Dropout out and use learning.weight_decay."
            )
        if not _alike(made[: len(inputs) // 2], module(inputs[: len(inputs) // 2])):
            raise SettingsError(
                "What the module makes of a row depends on the rows beside it: "
                "use GroupNorm or LayerNorm in the place of BatchNorm."
            )


def _refuse_shape(made: Any, rows: int, outputs: int) -> None:
    if not isinstance(made, torch.Tensor):
        raise SettingsError(f"The module returns a {type(made).__name__}: let it return one tensor.")
    if tuple(made.shape) != (rows, outputs):
        what = "a number" if outputs == 1 else "a logit for each class"
        raise SettingsError(
            f"The module makes {tuple(made.shape)} of {rows} rows: "
            f"let it make {(rows, outputs)}, {what} for each."
        )


def _alike(one: Any, other: Any) -> bool:
    return bool(torch.allclose(one, other, rtol=1e-3, atol=1e-4, equal_nan=True))
