"""The workloads by name: what is measured, at which sizes, with what.

A new workload is one entry here and one function that makes its task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from benchmarks import digits_boot, nodes, others, transfer
from benchmarks.task import Task

SIZES = (100, 1_000, 10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Workload:
    """What `build(peers, *arguments)` makes, in a process of its own with so many threads.

    `sizes` are numbers of peers, (0,) where there are none; of them `quick` are in the quick part. One that
    is only measured when it is `asked` for by name takes long, or needs a CUDA device or Linux.
    """

    name: str
    build: Callable[..., Task]
    arguments: tuple[Any, ...] = ()
    sizes: tuple[int, ...] = (0,)
    quick: tuple[int, ...] = ()
    threads: int = 1
    asked: bool = False


class Contrast(NamedTuple):
    """`words` say what the seconds of `one` are over those of `other`."""

    words: str
    one: str
    other: str


def _learning(kind: str) -> list[Workload]:
    """Fit and mixing alone, and rounds of the crowd; beside the quickest what is compared with it."""
    compiled, torch = (kind, "compiled", "crowd"), (kind, "torch", "crowd")
    return [
        *_plain(kind, "numpy"),
        *_plain(kind, "compiled"),
        Workload(f"two-threads-{kind}", digits_boot.rounds, compiled, SIZES[1:3], threads=2),
        Workload(f"judged-{kind}", digits_boot.rounds, (*compiled, 100), SIZES[1:3]),
        Workload(f"fit-{kind}-torch", digits_boot.fit, (kind, "torch"), SIZES[:3]),
        Workload(f"crowd-{kind}-torch", digits_boot.rounds, torch, SIZES),
    ]


def _plain(kind: str, way: str) -> list[Workload]:
    return [
        Workload(f"fit-{kind}-{way}", digits_boot.fit, (kind, way), SIZES),
        Workload(f"mix-{kind}-{way}", digits_boot.mixing, (kind, way), SIZES),
        Workload(f"crowd-{kind}-{way}", digits_boot.rounds, (kind, way, "crowd"), SIZES, (1_000,)),
    ]


def _on_device(kind: str) -> list[Workload]:
    sizes = SIZES[1:3]
    return [
        Workload(f"cuda-fit-{kind}", digits_boot.fit, (kind, "cuda"), sizes, asked=True),
        Workload(f"cuda-crowd-{kind}", digits_boot.rounds, (kind, "cuda", "crowd"), sizes, asked=True),
    ]


_ALL = [
    *_learning("softmax"),
    *_learning("mlp"),
    Workload("cnn-stacked", digits_boot.fit, ("cnn", "torch"), (100,)),
    Workload("cnn-apart", digits_boot.fit_apart, ("cnn", "torch"), (100,)),
    Workload("network", digits_boot.rounds, ("softmax", "compiled", "network"), (100, 1_000, 5_000), (100,)),
    *(each for kind in ("mlp", "cnn") for each in _on_device(kind)),
    Workload("million", digits_boot.rounds, ("softmax", "compiled", "crowd"), (1_000_000,), asked=True),
    Workload("nodes", nodes.rounds, sizes=(16,), threads=2, asked=True),
    Workload("transfer-link", transfer.sending, ("link",), threads=2, asked=True),
    Workload("transfer-bare", transfer.sending, ("bare",), threads=2, asked=True),
    Workload("wire", others.wire, quick=(0,)),
    Workload("import", others.start, ("-c", "import gossipfl"), quick=(0,)),
    Workload("help", others.start, ("-m", "gossipfl", "--help"), quick=(0,)),
]

WORKLOADS: dict[str, Workload] = {workload.name: workload for workload in _ALL}

CONTRASTS = [
    Contrast("softmax: one thread over two", "crowd-softmax-compiled", "two-threads-softmax"),
    Contrast("mlp: one thread over two", "crowd-mlp-compiled", "two-threads-mlp"),
    Contrast("softmax: 100 judged each round over none", "judged-softmax", "crowd-softmax-compiled"),
    Contrast("mlp: 100 judged each round over none", "judged-mlp", "crowd-mlp-compiled"),
    Contrast("CNN: one peer after another over stacked", "cnn-apart", "cnn-stacked"),
    Contrast("100 MiB: bare TLS over a link", "transfer-bare", "transfer-link"),
]
