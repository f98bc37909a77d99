"""Measure what hostile connections cost a node in memory: `python measure_memory.py`. Linux only.

Before authentication at most 64 KiB each is the aim, after it one update and 1 MiB.
"""

# ruff: noqa: T201

from __future__ import annotations

import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import hosts
import numpy as np
import trio
from attackers import MEMBER, NODE, client
from hosts import NOWHERE, Host, speaker, update

from gossipfl.protocol.session import Session

MEBI = 1 << 20
UPDATE_BYTES = 100 * MEBI
CONNECTIONS = 120


def main() -> None:
    hosts.VECTOR = np.zeros(UPDATE_BYTES // 4, np.float32)
    if sys.argv[1:] == ["node"]:
        trio.run(node)
    crowds: tuple[Callable[[tuple[str, int], int], object], ...] = (half_open, long_hello, silent_member)
    for attack in crowds:
        each_kib = resident_kib(attack, CONNECTIONS) / CONNECTIONS
        print(f"{attack.__name__}: {each_kib:.0f} KiB each of {CONNECTIONS}")
    for attack in (announcing_member, half_sent_member):
        print(f"{attack.__name__}: {resident_kib(attack, 1) / 1024:.1f} MiB, update {UPDATE_BYTES / MEBI:g}")


async def node() -> None:
    host = Host(NODE)
    async with host.running((MEMBER, NOWHERE)):
        print(host.address.port, flush=True)
        await trio.sleep_forever()


def resident_kib(attack: Callable[[tuple[str, int], int], object], count: int) -> float:
    """How much more is resident in a fresh node while `count` attacks last."""
    with subprocess.Popen([sys.executable, __file__, "node"], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        address = ("127.0.0.1", int(child.stdout.readline()))
        held = [attack(address, 200)]  # the first connection costs what all share
        before = resident(child.pid)
        held += [attack(address, number) for number in range(count)]
        settled = settle(child.pid)
        child.kill()
    del held
    return settled - before


def settle(pid: int) -> float:
    """What is resident once it has not changed for half a second."""
    seen = [0.0]
    while len(seen) < 6 or max(seen[-5:]) != min(seen[-5:]):
        seen.append(resident(pid))
        trio.run(trio.sleep, 0.1)
        if len(seen) > 30:
            break
    return seen[-1]


def resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.partition("VmRSS:")[2].split()[0])


def half_open(address: tuple[str, int], number: int) -> socket.socket:
    """A connection that says nothing; many come from many hosts."""
    return socket.create_connection(address, source_address=(f"127.0.1.{number // 10 + 1}", 0))


def long_hello(address: tuple[str, int], number: int) -> socket.socket:
    """A TLS greeting of the greatest length that OpenSSL takes, but for its last byte."""
    stream = half_open(address, number)
    said = b"\x01" + (131_000).to_bytes(3, "big") + b"\x03\x03" + bytes(130_997)
    for start in range(0, len(said), 16_384):
        piece = said[start : start + 16_384]
        stream.sendall(struct.pack(">BHH", 22, 0x0301, len(piece)) + piece)
    return stream


def silent_member(address: tuple[str, int], number: int) -> ssl.SSLSocket:
    """A member that does not greet."""
    stream = client(MEMBER).wrap_socket(half_open(address, number))
    stream.setblocking(True)
    return stream


def announcing_member(address: tuple[str, int], number: int, pieces: int = 1) -> object:
    """A member that announces an update and says no more."""
    stream = silent_member(address, number)
    session = Session(speaker(MEMBER, epoch=1000 - number), NODE.key, dialled=True)
    stream.sendall(session.hello())
    stream.recv(65536)
    if number != 200:
        outgoing = session.update(update(1, epoch=1000 - number, vector=hosts.VECTOR))
        stream.sendall(outgoing.offer)
        for piece in islice(outgoing.rest(0), pieces):
            stream.sendall(piece)
    return stream


def half_sent_member(address: tuple[str, int], number: int) -> object:
    """A member that stops in the middle of an update."""
    return announcing_member(address, number, pieces=400)


if __name__ == "__main__":
    main()
