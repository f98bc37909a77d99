"""Several hosts on one machine: network namespaces, each with a cable to a switch; as root on Linux.

Rules:
- Switches are bridges in a namespace of their own: the machine's own network is left alone.
- Names carry the number of this process, and nothing is left when the block ends, however it does. What a
  process left that was killed, the next one removes.
- What is done to a host is done outside it: its node sees no more of it than of a cable that is pulled.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from robustness_runs.hosts import line

ADDRESSES = "192.0.2.{}"
"""Those that RFC 5737 keeps for examples; they end in the number of the host, from 1 on."""

NAMED = Path("/run/netns")
PREFIX = "gfl"
NOWHERE = "02:00:00:00:00:00"
SWITCHES = ("whole", "half")
ANSWER_S = 30.0
"""What `ip` may take on a busy machine."""

_numbers = count()


class HostsError(Exception):
    """This machine has no hosts to give; says why in a sentence."""


class Host:
    """The host `number`, counted from 0; its end of the cable is `eth0`, the switch's is its `port`."""

    def __init__(self, namespace: str, number: int) -> None:
        self.namespace = namespace
        self.address = ADDRESSES.format(number + 1)
        self.port = f"port{number}"

    @property
    def within(self) -> tuple[str, ...]:
        """The words that begin a command which is to run on this host."""
        return ("ip", "netns", "exec", self.namespace)

    def ip(self, *words: str) -> None:
        """Change the host's network."""
        _call("ip", "-n", self.namespace, *words)


class Hosts(Sequence[Host]):
    """So many hosts on one switch, and what may befall them."""

    def __init__(self, hosts: Sequence[Host], switch: str) -> None:
        self._hosts = hosts
        self._switch = switch

    def __getitem__(self, number: int) -> Host:  # type: ignore[override]
        return self._hosts[number]

    def __len__(self) -> int:
        return len(self._hosts)

    def pull(self, host: Host) -> None:
        """Pull its cable."""
        _call("ip", "-n", self._switch, "link", "set", host.port, "down")

    def plug(self, host: Host) -> None:
        """Plug it in again."""
        _call("ip", "-n", self._switch, "link", "set", host.port, "up")

    def part(self, half: Collection[Host]) -> None:
        """Those of `half` reach one another alone, and so do the others: the switch breaks in two."""
        for host in self:
            self._attach(host, SWITCHES[host in half])

    def join(self) -> None:
        """All reach one another again."""
        self.part(())

    def deafen(self, host: Host, speaker: Host) -> None:
        """Nothing that `speaker` says reaches `host` from now on; what `host` says arrives."""
        speaker.ip("neigh", "replace", host.address, "lladdr", NOWHERE, "nud", "permanent", "dev", "eth0")

    def heal(self, host: Host, speaker: Host) -> None:
        """It hears `speaker` again."""
        speaker.ip("neigh", "del", host.address, "dev", "eth0")

    def throttle(self, host: Host, rate: str) -> None:
        """What it says and hears passes at this `rate` at most, such as 1mbit."""
        for namespace, device in ((host.namespace, "eth0"), (self._switch, host.port)):
            words = ("root", "tbf", "rate", rate, "burst", "16kb", "latency", "400ms")
            _call("tc", "-n", namespace, "qdisc", "add", "dev", device, *words)

    def _attach(self, host: Host, switch: str) -> None:
        _call("ip", "-n", self._switch, "link", "set", host.port, "master", switch)


@contextmanager
def hosts(number: int, bad: line.Line | None = None) -> Iterator[Hosts]:
    """So many hosts within the block, each on a line that is as `bad` as told. Raises `HostsError`."""
    _sweep()
    prefix = f"{PREFIX}-{os.getpid()}-{next(_numbers)}"
    with ExitStack() as stack:
        switch = _namespace(stack, f"{prefix}-switch")
        for name in SWITCHES:
            _call("ip", "-n", switch, "link", "add", name, "type", "bridge", "forward_delay", "0")
            _call("ip", "-n", switch, "link", "set", name, "up")
        made = [Host(_namespace(stack, f"{prefix}-{each}"), each) for each in range(number)]
        network = Hosts(made, switch)
        for host in made:
            if bad is None:
                _call("ip", "-n", switch, "link", "add", host.port, "type", "veth",
                      "peer", "name", "eth0", "netns", host.namespace)  # fmt: skip
            else:
                stack.enter_context(_on_line(bad, host, switch))
            host.ip("address", "add", f"{host.address}/24", "dev", "eth0")
            host.ip("link", "set", "lo", "up")
            host.ip("link", "set", "eth0", "up")
            network.plug(host)
        network.join()
        yield network


def why_none() -> str:
    """Why this machine has no hosts to give, in a sentence; empty if it has."""
    if sys.platform != "linux" or os.geteuid() != 0 or not all(map(shutil.which, ("ip", "tc"))):
        return "Hosts need Linux, root, and the commands ip and tc."
    if not Path("/dev/net/tun").exists():
        return "Bad lines need /dev/net/tun."
    try:
        with hosts(1, line.Line()):
            return ""
    except HostsError as error:
        return str(error)


def _sweep() -> None:
    """Remove the namespaces of processes that are no more."""
    for left in NAMED.glob(f"{PREFIX}-*"):
        if not Path("/proc", left.name.split("-")[1]).exists():
            subprocess.run(["ip", "netns", "delete", left.name], capture_output=True, check=False)


def _namespace(stack: ExitStack, name: str) -> str:
    _call("ip", "netns", "add", name)
    stack.callback(_call, "ip", "netns", "delete", name)
    return name


@contextmanager
def _on_line(bad: line.Line, host: Host, switch: str) -> Iterator[None]:
    """The cable of `host` is a line that is as `bad` as told, within the block."""
    far = f"far{host.port}"
    command = ["ip", "netns", "exec", switch, sys.executable, line.__file__, far, host.port, *bad.words()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None or process.stdout.readline().strip() != line.READY:
                raise HostsError("Bad lines need the right to make tap devices.")
            _call("ip", "-n", switch, "link", "set", far, "netns", host.namespace, "name", "eth0")
            yield
        finally:
            process.kill()


def _call(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=ANSWER_S, check=False)
    if done.returncode:
        raise HostsError(f"`{' '.join(words)}` is not possible here: {done.stderr.strip()}.")
