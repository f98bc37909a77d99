"""One module for many peers: its parameters as one flat vector, and what it makes of rows, for all at once.

Rules:
- A vector (d,) is the trainable parameters in the module's own order, each in its own layout; what is frozen
  and what is a buffer stays in the module, the same for all peers.
- What vmap cannot do, such as the cells of an LSTM, is done for one peer after another.
- A thread has a module of its own, for `functional_call` puts parameters into it while it runs.
"""

from __future__ import annotations

import copy
import threading
from typing import Any

import torch
from torch import nn
from torch.func import functional_call, vmap
from torch.nn.parameter import is_lazy

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.learn.contracts import Array
from gossipfl.learn.pytorch.factory import Factory, told
from gossipfl.learn.pytorch.trial import refuse_misfit

_TRIAL_ROWS = 32
_TRIAL_PEERS = 2


class Stack:
    """What `factory` makes for `features` and `classes`. Raises `SettingsError` for what cannot serve."""

    def __init__(self, factory: Factory, features: int, classes: int | None, dtype: Any, device: Any) -> None:
        self.dtype, self.device = dtype, device
        self._factory, self._given = factory, (features, classes)
        self._template, self._own = self._made(0), threading.local()
        trained = [(name, part) for name, part in self._template.named_parameters() if part.requires_grad]
        if not trained:
            raise SettingsError("The module has no parameters to train: give it a layer.")
        self._names = [name for name, _ in trained]
        self._shapes = [tuple(part.shape) for _, part in trained]
        self._counts = [part.numel() for _, part in trained]
        self.size: int = sum(self._counts)
        noise = torch.Generator().manual_seed(0)
        inputs = torch.rand(_TRIAL_ROWS, features, generator=noise, dtype=dtype, device="cpu").to(device)
        refuse_misfit(copy.deepcopy(self._template), inputs, classes or 1)
        self.together, self.row_bytes = self._tried(inputs)

    def first(self, draws: Draws) -> Array:
        """The first vector (d,) of one peer, by the module's own way to begin, under a seed of its draws."""
        high, low = draws.words("first weights", 2).tolist()
        module = self._made(high << 32 | low)
        first: Array = torch.cat([part.reshape(-1) for part in _trainable(module)]).cpu().numpy()
        return first

    def parts(self, flat: Any) -> list[Any]:
        """The parameters (p, *shape) of `flat` (p, d), as views of it."""
        pieces = flat.split(self._counts, dim=1)
        return [piece.view(-1, *shape) for piece, shape in zip(pieces, self._shapes, strict=True)]

    def outputs(self, parts: list[Any], inputs: Any) -> Any:
        """What p peers make of `inputs` (p, b, f), or of (1, b, f) that all have alike: (p, b, out)."""
        if len(parts[0]) == 1:  # the plain module costs a lone node half as much
            return self._alone([part[0] for part in parts], inputs[0])[None]
        if len(inputs) == 1:
            return vmap(self._alone, in_dims=(0, None))(parts, inputs[0])
        return vmap(self._alone)(parts, inputs)

    def _alone(self, parts: list[Any], inputs: Any) -> Any:
        """What one peer makes of `inputs` (b, f)."""
        if not hasattr(self._own, "module"):
            self._own.module = copy.deepcopy(self._template)
        return functional_call(self._own.module, dict(zip(self._names, parts, strict=True)), (inputs,))

    def _made(self, seed: int) -> Any:
        """A module as `factory` makes it under `seed`; torch's own random numbers stay where they were."""
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            torch.random.default_generator.manual_seed(seed)
            try:
                module = self._factory(*self._given)
            except SettingsError:
                raise
            except Exception as error:
                raise SettingsError(
                    f"The factory fails for (features, classes) = {self._given} ({told(error)}): correct it."
                ) from None
        if not isinstance(module, nn.Module):
            raise SettingsError(
                f"The factory makes a {type(module).__name__}: let it make a torch.nn.Module."
            )
        if any(is_lazy(part) for part in module.parameters()):
            raise SettingsError("The module has layers without a size, such as LazyLinear: say their sizes.")
        return module.to(self.device, self.dtype)

    def _tried(self, inputs: Any) -> tuple[bool, int]:
        """Whether the module can be many peers' at once, and how many bytes training keeps for each row."""
        try:
            return True, self._row_bytes(_TRIAL_PEERS, inputs)
        except Exception:  # whatever it is that vmap cannot do, one peer alone may still do it
            try:
                return False, self._row_bytes(1, inputs)
            except Exception as error:
                raise SettingsError(f"The module cannot be trained ({told(error)}): correct it.") from None

    def _row_bytes(self, peers: int, inputs: Any) -> int:
        """Bytes that training so many peers at once keeps for each row of `inputs`, found by doing it."""
        flat = torch.cat([part.reshape(-1) for part in _trainable(self._template)])
        parts = [part.requires_grad_() for part in self.parts(flat.repeat(peers, 1))]
        kept: dict[int, int] = {}

        def keep(tensor: Any) -> Any:
            kept[tensor.data_ptr()] = tensor.nbytes
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            outputs = self.outputs(parts, inputs.expand(peers, -1, -1))
            torch.autograd.grad(outputs.sum(), parts, materialize_grads=True)
        of_parts = sum(kept.get(part.data_ptr(), 0) for part in parts)
        return (sum(kept.values()) - of_parts) // (peers * len(inputs))


def _trainable(module: Any) -> list[Any]:
    return [part.detach() for part in module.parameters() if part.requires_grad]
