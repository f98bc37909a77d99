"""Who a peer is: an Ed25519 key, and the roster of names, addresses and keys that it speaks with.

Rules:
- There is no authority and no first-use trust: a key is listed, or it is nobody.
- A line between people is `name@host:port#key`, the key in hex; an IPv6 host stands in brackets.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass
from typing import NamedTuple

from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from gossipfl.errors import SettingsError, UserError
from gossipfl.protocol.messages import PeerId

SIGNATURE_BYTES = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9.])?")
_KEY = re.compile(r"[0-9a-f]{64}")
_LINE = re.compile(r"(?P<name>[^@\s]+)@(?P<address>[^#\s]+)#(?P<key>\S+)")


class Identity:
    """A secret Ed25519 key, made from a seed of 32 bytes."""

    def __init__(self, seed: bytes) -> None:
        self._secret = SigningKey(seed)
        self.key = bytes(self._secret.verify_key)

    @classmethod
    def new(cls) -> Identity:
        """An identity that nobody had before, from the randomness of the operating system."""
        return cls(bytes(SigningKey.generate()))

    @property
    def seed(self) -> bytes:
        """The secret, 32 bytes."""
        return bytes(self._secret)

    def sign(self, message: bytes) -> bytes:
        """64 bytes that prove that this key saw `message`."""
        return self._secret.sign(message).signature


def verify(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` (64 bytes) of exactly these bytes is by `key` (32 bytes)."""
    try:
        VerifyKey(key).verify(message, signature)
    except BadSignatureError:
        return False
    return True


def peer_number(key: bytes) -> PeerId:
    """The number under which the protocol knows `key`: its first four bytes."""
    return int.from_bytes(key[:4], "big")


def fingerprint(key: bytes) -> str:
    """`key` as sixteen letters for people to compare, such as `9f3c-02ab-77d0-e5a1`."""
    digest = hashlib.blake2b(key, digest_size=8).hexdigest()
    return "-".join(digest[i : i + 4] for i in range(0, 16, 4))


class Address(NamedTuple):
    """Where a node listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """`host:port` or `[ipv6]:port` as an address; anything else is a `UserError`."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 0xFFFF:
        raise UserError(f"Write the address {text!r} as host:port, with a port from 0 to 65535.")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed and _is_ipv6(host[1:-1]):
        return Address(host[1:-1], int(port))
    if _HOST.fullmatch(host):
        return Address(host, int(port))
    raise UserError(f"Write the host of the address {text!r} as a name, an IPv4 or an [IPv6] address.")


def is_anywhere(address: Address) -> bool:
    """Whether it stands for all addresses of a machine: one can listen there, and nobody can be reached."""
    try:
        return ipaddress.ip_address(address.host).is_unspecified
    except ValueError:
        return False


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def parse_key(text: str) -> bytes:
    """64 lower-case hex digits as a public key that can sign; anything else is a `UserError`."""
    if not _KEY.fullmatch(text):
        raise UserError(f"Give the public key {text[:80]!r} as 64 lower-case hex digits.")
    key = bytes.fromhex(text)
    if not crypto_core_ed25519_is_valid_point(key):
        raise UserError(f"Copy the public key {text!r} again: it is not an Ed25519 key.")
    return key


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A peer that this one speaks with."""

    name: str
    address: Address
    key: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        parse_key(self.key.hex())

    @property
    def number(self) -> PeerId:
        """The number under which the protocol knows it."""
        return peer_number(self.key)

    def __str__(self) -> str:
        return f"{self.name}@{self.address}#{self.key.hex()}"


def check_name(name: str) -> None:
    """Raise a `UserError` unless `name` can be a peer's name."""
    if not _NAME.fullmatch(name):
        raise UserError(
            f"Choose another name than {name[:80]!r}: up to 63 letters, digits, dots, dashes and underscores."
        )


def parse_neighbour(line: str) -> Neighbour:
    """The neighbour that `name@host:port#key` tells of; anything else is a `UserError`."""
    match = _LINE.fullmatch(line.strip())
    if match is None:
        raise UserError(f"Paste the whole line of a peer, name@host:port#key, instead of {line[:80]!r}.")
    address = parse_address(match["address"])
    if address.port == 0:
        raise UserError(f"Give the port on which {match['name']!r} listens instead of 0.")
    if is_anywhere(address):
        raise UserError(f"Give the address at which {match['name']!r} is reached instead of {address}.")
    return Neighbour(match["name"], address, parse_key(match["key"]))


@dataclass(frozen=True, slots=True)
class Roster:
    """A node's own name and key, and its neighbours, each different from all others.

    Raises `SettingsError` if it lists itself, or a name, a key or a number twice.
    """

    name: str
    key: bytes
    neighbours: tuple[Neighbour, ...]

    def __post_init__(self) -> None:
        check_name(self.name)
        names, keys, numbers = {self.name: ""}, {self.key: self.name}, {peer_number(self.key): self.name}
        for peer in self.neighbours:
            if peer.key == self.key:
                raise SettingsError(f"Remove {peer.name!r} from the peer list: its key is this node's own.")
            if peer.key in keys:
                raise SettingsError(f"List {keys[peer.key]!r} and {peer.name!r} once: their key is the same.")
            if peer.name in names:
                raise SettingsError(f"Rename one of the two peers {peer.name!r}: a name stands for one peer.")
            if peer.number in numbers:
                other = numbers[peer.number]
                raise SettingsError(
                    f"Make a new key for {peer.name!r}: it begins with the same four bytes as {other!r}'s."
                )
            names[peer.name], keys[peer.key], numbers[peer.number] = "", peer.name, peer.name
