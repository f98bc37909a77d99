"""The steps of a block of peers in torch: gather, forward, the slope of the loss, backward, move.

Rules:
- Peers share no parameter, so the gradient of what all of them lose together is that of each: one ordinary
  backward pass over a forward pass under `vmap`, which costs less than `grad` inside of `vmap`.
- All indices and sample weights of a plan go to the device at once, and nothing comes back before its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from gossipfl.draws import Draws
from gossipfl.learn.batches import Batch, Plan
from gossipfl.learn.contracts import Array, Samples
from gossipfl.learn.models import FloatName, class_weights
from gossipfl.learn.pytorch.device import Residents, block_bytes_max, device_named, repeatable
from gossipfl.learn.pytorch.factory import Factory
from gossipfl.learn.pytorch.stack import Stack
from gossipfl.learn.training import Training

_COPIES = 4
"""Of a vector, while it is trained."""


class Step(NamedTuple):
    """A batch of the first p peers, on the device."""

    rows: Any  # (p, width), int64
    worth: Any  # (p, width): what each sample counts, 0 for filling


class Trainer:
    """What `factory` makes, on its device, between arrays in and arrays out. Raises `SettingsError`."""

    def __init__(
        self, factory: Factory, features: int, classes: int | None, dtype: FloatName, device: str
    ) -> None:
        self._device, self._dtype, self._classes = device_named(device), getattr(torch, dtype), classes
        with repeatable(self._device):
            self._stack = Stack(factory, features, classes, self._dtype, self._device)
        self._residents = Residents(self._device)

    @property
    def size(self) -> int:
        """d, the number of parameters."""
        return self._stack.size

    @property
    def block_bytes_max(self) -> int:
        """What a block of peers may take on the device."""
        return block_bytes_max(self._device)

    def first(self, draws: Draws) -> Array:
        """The first vector (d,) of one peer."""
        return self._stack.first(draws)

    def peers_max(self, width: int) -> int:
        """How many peers with batches of `width` rows a block may hold."""
        if not self._stack.together:
            return 1
        peer_bytes: int = _COPIES * self.size * self._dtype.itemsize + 2 * width * self._stack.row_bytes
        return max(1, self.block_bytes_max // peer_bytes)

    def outputs(self, vector: Array, features: Array, rows: Array) -> Array:
        """What `vector` (p, d) makes of `rows` (p, b) of `features` (N, f), or (1, b): (p, b, out)."""
        with repeatable(self._device), torch.no_grad():
            inputs = self._gathered(self._residents.of(features), torch.from_numpy(rows).to(self._device))
            made = self._stack.outputs(self._stack.parts(self._moved(vector)), inputs)
            outputs: Array = made.cpu().numpy()
        return outputs

    def trained(
        self,
        training: Training,
        vector: Array,
        samples: Samples,
        plan: Plan,
        draws: Draws,
        push: Array | None,
    ) -> Array:
        """`vector` (p, d) after the steps of `plan`, each with a `push` (p, d)."""
        with repeatable(self._device):
            flat = self._moved(vector)
            features, targets = self._residents.of(samples.features), self._residents.of(samples.targets)
            pushes = None if push is None else self._moved(push)
            mover = _Mover(self._stack, training, flat, training.rate(draws.round))
            for rows, worth in self._steps(training, samples, plan, draws):
                active = len(rows)
                parts = self._stack.parts(flat[:active])
                leaves = [part.detach().requires_grad_() for part in parts]
                outputs = self._stack.outputs(leaves, self._gathered(features, rows))
                wanted = targets.index_select(0, rows.reshape(-1)).view(rows.shape)
                slope = _slope(outputs.detach(), wanted, worth, self._classes)
                mover.move(parts, torch.autograd.grad(outputs, leaves, slope, materialize_grads=True))
                if pushes is not None:
                    flat[:active] += pushes[:active]
            moved: Array = flat.cpu().numpy()
        return moved

    def _moved(self, vector: Array) -> Any:
        """A copy of `vector` (p, d) on the device, where torch's own memory lets products round alike."""
        return torch.tensor(vector, device=self._device)

    def _gathered(self, features: Any, rows: Any) -> Any:
        """Rows (p, b) of `features` (N, f), as inputs (p, b, f)."""
        return features.index_select(0, rows.reshape(-1)).view(*rows.shape, -1).to(self._dtype)

    def _steps(self, training: Training, samples: Samples, plan: Plan, draws: Draws) -> Iterator[Step]:
        """The steps of `plan`, brought to the device in one piece."""
        weights = None if self._classes is None else class_weights(training, samples, plan, self._classes)
        batches = list(plan.batches(draws))
        rows = np.concatenate([batch.rows.reshape(-1) for batch in batches])
        worth = np.concatenate([_worth(batch, samples.targets, weights).reshape(-1) for batch in batches])
        counts = [batch.rows.size for batch in batches]
        there = torch.from_numpy(rows.astype(np.int64, copy=False)).to(self._device)
        counted = torch.from_numpy(worth).to(self._device, self._dtype)
        for batch, own, each in zip(batches, there.split(counts), counted.split(counts), strict=True):
            yield Step(own.view(batch.rows.shape), each.view(batch.rows.shape))


class _Mover:
    """Moves parameters by SGD, in place; what it remembers begins anew with each round."""

    def __init__(self, stack: Stack, training: Training, flat: Any, rate: float) -> None:
        self._training, self._rate = training, rate
        self._began = stack.parts(flat.clone()) if training.proximal else None
        self._speeds = stack.parts(torch.zeros_like(flat)) if training.momentum else None

    def move(self, parts: list[Any], slopes: tuple[Any, ...]) -> None:
        """One step of each of `parts` (p, *shape) against its slope; weight decay leaves out what is 1-D."""
        training = self._training
        for index, (part, given) in enumerate(zip(parts, slopes, strict=True)):
            slope = given
            if training.weight_decay and part.dim() > 2:
                slope = slope.add(part, alpha=training.weight_decay)
            if self._began is not None:
                slope = slope.add(part - self._began[index][: len(part)], alpha=training.proximal)
            if self._speeds is not None:
                slope = self._speeds[index][: len(part)].mul_(training.momentum).add_(slope)
            part.add_(slope, alpha=-self._rate)


def _slope(outputs: Any, targets: Any, worth: Any, classes: int | None) -> Any:
    """The gradient (p, b, out) of the loss at `outputs`: cross entropy, or half the squared error."""
    if classes is None:
        return (outputs - targets[..., None].to(outputs.dtype)) * worth[..., None]
    slope = outputs.mT.contiguous().softmax(dim=1)  # ten times faster than along the last axis
    right = targets.to(torch.int64)[:, None]
    slope.scatter_add_(1, right, slope.new_full((), -1.0).expand(right.shape))
    return slope.mul_(worth[:, None]).mT


def _worth(batch: Batch, targets: Array, weights: Array | None) -> Array:
    """What each sample of a batch counts, (p, b): 1 in the mean, unless its class weighs more or less."""
    worth: Array = batch.valid / np.count_nonzero(batch.valid, axis=1, keepdims=True)
    if weights is not None:
        worth = worth * np.take_along_axis(weights[: len(worth)], targets[batch.rows], axis=1)
    return worth
