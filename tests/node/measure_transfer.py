"""Measure how fast one update of 100 MiB goes from node to node, against bare mutual TLS.

Two processes on loopback, and the memory that each side takes beyond the update itself. Linux only.
"""

# ruff: noqa: T201

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import hosts
import numpy as np
import trio
from hosts import IDENTITIES, NOWHERE, Host, update

from gossipfl.node.handshake import connect, secure
from gossipfl.node.tls import Credentials
from gossipfl.protocol.events import Joined
from gossipfl.protocol.framing import CHUNK_BYTES
from gossipfl.protocol.identity import Address

SENDER, RECEIVER, *_ = IDENTITIES
MEBI = 1 << 20
BYTES = 100 * MEBI
REPEATS = 5


def main() -> None:
    match sys.argv[1:]:
        case ["receive", way]:
            hosts.VECTOR = np.zeros(BYTES // 4, np.float32)
            trio.run({"link": receive_by_link, "bare": receive_bare}[way])
        case _:
            trio.run(measure)


async def measure() -> None:
    hosts.VECTOR = np.random.default_rng(1).normal(size=BYTES // 4).astype(np.float32)
    speeds: dict[str, list[float]] = {"bare": [], "link": []}
    for _ in range(REPEATS):
        for way, send in (("bare", send_bare), ("link", send_by_link)):
            child = subprocess.Popen(
                [sys.executable, __file__, "receive", way], stdout=subprocess.PIPE, text=True
            )
            with child:
                assert child.stdout is not None
                address = Address("127.0.0.1", int(child.stdout.readline()))
                began_at, extra = await send(address, child.stdout)
                speed = BYTES / MEBI / (trio.current_time() - began_at)
                speeds[way].append(speed)
                theirs = float(child.stdout.readline())
                print(f"{way}: {speed:.0f} MiB/s, sender +{extra:.0f} MiB, receiver +{theirs:.0f} MiB")
                child.terminate()
    bare, link = (float(np.median(of)) for of in speeds.values())
    print(f"median: link {link:.0f}, bare {bare:.0f} MiB/s: {link / bare:.0%}")


def memory_mib(field: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text("ascii").splitlines() if field in line)
    return int(line.split()[1]) / 1024


def forget_peak() -> float:
    """Let the peak begin anew; returns what is resident now, in MiB."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    return memory_mib("VmRSS")


async def told(line: object) -> None:
    await trio.to_thread.run_sync(line.readline)  # type: ignore[attr-defined]


async def send_by_link(address: Address, child: object) -> tuple[float, float]:
    host = Host(SENDER)
    async with host.running((RECEIVER, address)) as links:
        await host.until(lambda host: host.count(Joined) == 1)
        before, began_at = forget_peak(), trio.current_time()
        links.send(Host(RECEIVER).number, update(1, vector=hosts.VECTOR))
        await told(child)
        return began_at, memory_mib("VmHWM") - before


async def receive_by_link() -> None:
    host = Host(RECEIVER)
    async with host.running((SENDER, NOWHERE)):
        print(host.address.port, flush=True)
        await host.until(lambda host: host.count(Joined) == 1)
        before = forget_peak()
        await host.until(lambda host: host.rounds_heard == [1])
        print("done", flush=True)
        print(memory_mib("VmHWM") - before - BYTES / MEBI, flush=True)
        await trio.sleep_forever()


async def send_bare(address: Address, child: object) -> tuple[float, float]:
    stream, _ = await secure(await connect(address), Credentials(SENDER, [RECEIVER.key]), server=False)
    await stream.receive_some()
    before, began_at = forget_peak(), trio.current_time()
    content = hosts.VECTOR.view(np.uint8).data
    for start in range(0, BYTES, CHUNK_BYTES):
        await stream.send_all(content[start : start + CHUNK_BYTES])
    await told(child)
    return began_at, memory_mib("VmHWM") - before


async def receive_bare() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    print(listener.socket.getsockname()[1], flush=True)
    stream, _ = await secure(await listener.accept(), Credentials(RECEIVER, [SENDER.key]), server=True)
    before, content, filled = forget_peak(), np.empty(BYTES, np.uint8).data, 0
    await stream.send_all(b"!")
    while filled < BYTES:
        piece = await stream.receive_some()
        content[filled : filled + len(piece)] = piece
        filled += len(piece)
    print("done", flush=True)
    print(memory_mib("VmHWM") - before - BYTES / MEBI, flush=True)
    await trio.sleep_forever()


if __name__ == "__main__":
    main()
