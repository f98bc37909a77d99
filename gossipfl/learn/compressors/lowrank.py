"""Low rank: the vector as a matrix, and of it the product of two thin ones.

Vogels, Karimireddy and Jaggi (NeurIPS 2020, arXiv 2008.01425), "Practical low-rank communication compression
in decentralized deep learning" (PowerGossip), after Vogels, Karimireddy and Jaggi (NeurIPS 2019, arXiv
1905.13727): power iteration from random directions. Here it has no memory, and the matrix is nearly square
whatever the layers are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gossipfl.draws import Draws
from gossipfl.learn.compressors.packing import finite
from gossipfl.learn.contracts import Array, Payload
from gossipfl.learn.options import demand_between


@dataclass(frozen=True, slots=True)
class LowRank:
    """About 2 rank sqrt(d) numbers, from `iterations` of the power method (2 by our choice)."""

    rank: int = 1
    iterations: int = 2

    def __post_init__(self) -> None:
        demand_between("rank", self.rank, 1, 32_768)
        demand_between("iterations", self.iterations, 1, 100)

    def encode(self, vector: Array, draws: Draws) -> Payload:
        """An orthonormal left (..., rows, rank) and a right (..., columns, rank), of the vector's dtype."""
        (rows, columns, rank), lead = self._shape(vector.shape[-1]), vector.shape[:-1]
        filled = np.zeros((math.prod(lead), rows * columns), vector.dtype)
        filled[:, : vector.shape[-1]] = vector.reshape(len(filled), -1)
        matrix = filled.reshape(-1, rows, columns)
        # Scaled to 1, so that no square of it can overflow or vanish.
        largest = np.abs(matrix).max(axis=(1, 2), keepdims=True)
        matrix /= np.where(largest > 0, largest, 1)
        first = draws.normal("low rank", columns * rank).astype(vector.dtype)
        right = np.broadcast_to(first, (*lead, columns * rank)).reshape(-1, columns, rank)
        for _ in range(self.iterations):
            left = np.linalg.qr(matrix @ right).Q
            right = matrix.swapaxes(1, 2) @ left
        limit = np.finfo(vector.dtype).max
        with np.errstate(over="ignore"):
            right = np.clip(right * largest, -limit, limit)
        return left.reshape(*lead, rows, rank), right.reshape(*lead, columns, rank)

    def decode(self, code: Payload, like: Array) -> Array:
        """The vector (..., d) in the dtype of `like`."""
        (rows, columns, rank), lead = self._shape(like.shape[-1]), code[0].shape[:-2]
        left, right = (finite(part, like.dtype) for part in code)
        with np.errstate(over="ignore", invalid="ignore"):
            matrix = left.reshape(-1, rows, rank) @ right.reshape(-1, columns, rank).swapaxes(1, 2)
        return finite(matrix.reshape(*lead, rows * columns)[..., : like.shape[-1]], like.dtype)

    def kept(self, size: int) -> float:
        """The share of the directions: a matrix whose directions are equally strong is the worst case."""
        rows, columns, rank = self._shape(size)
        return rank / min(rows, columns)

    def _shape(self, size: int) -> tuple[int, int, int]:
        """Rows, columns and rank of the matrix of a vector of `size`."""
        rows = math.isqrt(size - 1) + 1
        columns = -(-size // rows)
        return rows, columns, min(self.rank, columns)
