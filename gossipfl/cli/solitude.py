"""What a node says that has not begun, because nobody is there: an operator must know why nothing happens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from gossipfl.node.runner import sole

FIRST_S = 15.0
"""Others that run are there within seconds, also where they dial us. Our guess."""

AGAIN_S = 300.0


def alone(round: int, absent: Iterable[str], state: Path) -> str:
    """That nobody of the `absent` is there, and what it may mean after `round`; 0 is before the first."""
    nobody = f"nobody is there of {', '.join(absent)}"
    if not round:
        return f"waits: {nobody}; `gossipfl doctor` says why"
    return (
        f"waits after round {round}: {nobody}. If their run is over, they do not come back: then stop this "
        f"node, whose model of round {round} is then in {state}, or ask one of them for its model.safetensors"
    )


@asynccontextmanager
async def told_alone(waits: Callable[[], bool], tell: Callable[[], None]) -> AsyncIterator[None]:
    """While the block runs, `tell` from time to time if the node `waits` for the first of its neighbours."""

    async def look() -> None:
        pause_s = FIRST_S
        while True:
            await trio.sleep(pause_s)
            if waits():
                tell()
                pause_s = AGAIN_S

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(look)
            yield
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise sole(group) from None
