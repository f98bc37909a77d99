"""How kernels are compiled: without the interpreter's lock, and kept on disk for the next process."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """`function` compiled when it is first called; a product and a sum may become one operation.

    Sums keep their order, so that the same input gives the same bits.
    """
    return _compiled(function, {"contract"})


def compiled_exactly(function: Function) -> Function:
    """`function` compiled when it is first called, with every operation rounded as NumPy rounds it."""
    return _compiled(function, set())


def compiled_in_any_order(function: Function) -> Function:
    """`function`, a sum, compiled when it is first called, in an order that suits vectors."""
    return _compiled(function, {"contract", "reassoc"})


def _compiled(function: Function, allowed: set[str]) -> Function:
    """Nothing is allocated in a kernel, so no array is counted: that would cost more than small products."""
    kernel: Any = njit(nogil=True, _nrt=False, no_cfunc_wrapper=True, fastmath=allowed)(function)
    with suppress(RuntimeError):  # there is no folder in which it could be kept
        kernel._cache = _Kept(function)
    done: Function = kernel
    return done


class _Kept(FunctionCache):  # type: ignore[misc]
    """What numba keeps of a function, under another name when any file here changes: they call each other."""

    def __init__(self, function: Function) -> None:
        super().__init__(function)
        name = f"{self._impl.filename_base}-{_sources()}"
        self._cache_file = IndexDataCacheFile(self._cache_path, name, self._impl.locator.get_source_stamp())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        with suppress(Exception):  # what a power cut left is compiled again
            return super().load_overload(sig, target_context)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):  # the folder is full, or no longer ours
            super().save_overload(sig, data)


@cache
def _sources() -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return blake2b(b"".join(file.read_bytes() for file in files), digest_size=6).hexdigest()
