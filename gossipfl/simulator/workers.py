"""Threads that work through the peers of a crowd, block by block.

Rules:
- As many as OMP_NUM_THREADS says, else as many as this process may use; a library's own threads stay out.
- What is computed of a peer does not depend on the thread, nor on its block where a model computes it alone;
  where it does not, blocks are the same for any number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager

from gossipfl.errors import SettingsError

BLOCK_BYTES_MAX = 4 << 20
"""What one block of peers may take: its arrays are gone through several times while they are cached."""

BLOCKS = 4
"""At least so many where there are enough peers; more would cost a thousand of them more than they gain."""

BLOCKS_PER_THREAD = 2

PEERS_MIN = 16
"""A smaller block costs more in Python than in arithmetic."""


class Workers:
    """Does the same for many blocks at once."""

    def __init__(self, threads: int, pool: ThreadPoolExecutor | None) -> None:
        self.threads = threads
        self._pool = pool

    def each(
        self,
        work: Callable[[slice], None],
        count: int,
        size: int,
        done: Callable[[int], None] | None = None,
    ) -> None:
        """Call `work` for 0 .. `count` - 1 in blocks of `size`; raises what it does.

        The calling thread tells `done` how many more are.
        """
        blocks = [slice(first, min(first + size, count)) for first in range(0, count, size)]
        if self._pool is None or len(blocks) == 1:
            for block in blocks:
                work(block)
                if done:
                    done(block.stop - block.start)
            return
        under_way = {self._pool.submit(work, block): block for block in blocks}
        try:
            for future in as_completed(under_way):
                future.result()
                if done:
                    done(under_way[future].stop - under_way[future].start)
        finally:
            for future in under_way:
                future.cancel()


@contextmanager
def workers(threads: int | None = None) -> Iterator[Workers]:
    """Workers while the block runs, as many as `threads`, or as the rule says."""
    from threadpoolctl import threadpool_limits

    threads = threads or threads_allowed()
    with threadpool_limits(1):
        if threads == 1:
            yield Workers(1, None)
            return
        with ThreadPoolExecutor(threads) as pool:
            yield Workers(threads, pool)


def threads_allowed() -> int:
    """How many threads to use. Raises `SettingsError` for an OMP_NUM_THREADS that is no count."""
    asked = os.environ.get("OMP_NUM_THREADS", "").strip()
    if asked:
        if not asked.isdecimal() or int(asked) < 1:
            raise SettingsError(f"OMP_NUM_THREADS is {asked!r}: set it to 1 or more, or leave it out.")
        return int(asked)
    if hasattr(os, "sched_getaffinity"):  # Linux knows what this process may use
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def block_size(count: int, bytes_each: int, threads: int, bytes_max: int | None = None) -> int:
    """How many of `count` peers, each of which takes `bytes_each`, make a block for so many `threads`."""
    blocks = max(BLOCKS, BLOCKS_PER_THREAD * threads)
    fit = (bytes_max or BLOCK_BYTES_MAX) // max(1, bytes_each)
    return max(1, min(fit, max(PEERS_MIN, -(-count // blocks))))
