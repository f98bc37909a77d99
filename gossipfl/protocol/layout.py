"""The layout of a payload: the shape and dtype of each array, agreed before anything is said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from gossipfl.errors import RemoteProtocolError
from gossipfl.learn.contracts import Payload

Layout = tuple[tuple[tuple[int, ...], np.dtype[Any]], ...]
"""(shape, dtype) of each array of a payload."""


def layout_of(payload: Payload) -> Layout:
    """The layout that `payload` has."""
    return tuple([(array.shape, array.dtype) for array in payload])


def body_bytes(layout: Layout) -> int:
    """How many bytes a payload of `layout` takes on the wire."""
    return sum(math.prod(shape) * dtype.itemsize for shape, dtype in layout)


def split_body(body: bytes | bytearray | memoryview, layout: Layout) -> Payload:
    """`body` as read-only arrays of `layout`, sharing its memory; values are little-endian."""
    if len(body) != body_bytes(layout):
        raise RemoteProtocolError("body-length", f"A body of {len(body)} bytes is not {body_bytes(layout)}.")
    view, offset, arrays = memoryview(body).toreadonly(), 0, []
    for shape, dtype in layout:
        count = math.prod(shape)
        array = np.frombuffer(view, dtype.newbyteorder("<"), count, offset).reshape(shape)
        arrays.append(array.astype(dtype, copy=False))
        offset += array.nbytes
    return tuple(arrays)


def body_buffers(payload: Payload) -> list[memoryview]:
    """`payload` as the buffers of a body, copied only where not contiguous or not little-endian."""
    return [_flat(np.ascontiguousarray(array, array.dtype.newbyteorder("<"))) for array in payload]


def cut(buffers: Iterable[memoryview], size: int) -> Iterator[list[memoryview]]:
    """The parts of `buffers` that make up `size` bytes each, and at last what is left."""
    parts: list[memoryview] = []
    room = size
    for buffer in buffers:
        start = 0
        while start < len(buffer):
            parts.append(buffer[start : start + room])
            start += len(parts[-1])
            room -= len(parts[-1])
            if not room:
                yield parts
                parts, room = [], size
    if parts:
        yield parts


def _flat(array: np.ndarray[Any, Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data.toreadonly()
