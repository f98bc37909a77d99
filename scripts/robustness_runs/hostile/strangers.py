"""Whoever does not hold a listed key, in each of the ways to be nobody, at the door of a node that waits."""

from __future__ import annotations

import json
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gossipfl.node.tls import ALPN, Credentials
from gossipfl.protocol.identity import Address, Identity, fingerprint
from gossipfl.protocol.session import Session
from robustness_runs.hostile.judging import Met
from robustness_runs.hostile.member import PATIENCE_S, PIECE_BYTES, Seat, dial
from robustness_runs.hostile.world import World

DAY = timedelta(days=1)
VERSION = bytes.fromhex("a003020102")
"""In a certificate: that it is of version 3."""

LEAF, AUTHORITY = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def met(folder: Path) -> list[Met]:
    """Each stranger knocks once; what it was answered, and what the node wrote of it."""
    world = World(folder, range(1), wait_s=600.0)
    to, seat = world.seats[0], world.seat
    with world.alive():
        with _answering(world.seats[2].where, seat, to):
            found = [_met(world, "member at the wrong address", "wrong-key", lambda: 0)]
        for name, (wanted, knock) in _STRANGERS.items():
            found.append(_met(world, name, wanted, lambda knock=knock: knock(to, seat)))
        world.stop()
    lines = [json.loads(line) for line in (world.homes[0] / "state" / "audit.jsonl").read_text().splitlines()]
    prints = {line["reason"]: line["fingerprint"] for line in lines if line["what"] == "refused"}
    proved = {"wrong-key": fingerprint(seat.identity.key)}
    return [
        one._replace(audited=prints.get(one.reason, "no line") == proved.get(one.reason)) for one in found
    ]


def _met(world: World, name: str, wanted: str, knock: Callable[[], int]) -> Met:
    """How the node met the one who knocks."""
    seen = 0 if wanted == "wrong-key" else len(_refusals(world))  # the node dials that one by itself
    answered = knock()
    world.wait_until(lambda: len(_refusals(world)) > seen, f"the node refuses: {name}")
    return Met(name, wanted, _refusals(world)[seen], answered)


def _refusals(world: World) -> list[str]:
    return [record["reason"] for record in world.records[0] if record["kind"] == "refused"]


def _knocks(context: ssl.SSLContext, to: Seat, seat: Seat) -> int:
    """Say HELLO in a connection by `context`; returns how many bytes of an answer came."""
    with suppress(OSError), context.wrap_socket(dial(to.where)) as stream:
        stream.sendall(Session(seat.speaker(1), to.identity.key, dialled=True).hello())
        return len(stream.recv(PIECE_BYTES))
    return 0


def _as(identity: Identity, to: Seat) -> ssl.SSLContext:
    return Credentials(identity, [to.identity.key]).context(server=False)


def _showing(key: Ed25519PrivateKey, *chain: bytes) -> ssl.SSLContext:
    """A client that shows a `chain` of certificates (DER), the first of which is of `key`, and trusts all."""
    context = _trusting()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with tempfile.TemporaryDirectory(prefix="gossipfl-") as folder:
        file = Path(folder, "chain.pem")
        file.write_bytes("".join(map(ssl.DER_cert_to_PEM_cert, chain)).encode() + pem)
        context.load_cert_chain(file)
    return context


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([ALPN])
    return context


def _certificate(
    subject: str, issuer: bytes, key: Ed25519PrivateKey, signer: Ed25519PrivateKey, *, ca: bool = False
) -> bytes:
    """A certificate (DER) of `key`, good for a day around now, that says it is by `issuer`."""
    now = datetime.now(UTC)
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer.hex())]
    builder = x509.CertificateBuilder().subject_name(names[0]).issuer_name(names[1])
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - DAY).not_valid_after(now + DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    return builder.sign(signer, None).public_bytes(Encoding.DER)


def _secret(seat: Seat) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seat.identity.seed)


def _unknown(to: Seat, seat: Seat) -> int:
    return _knocks(_as(Identity.new(), to), to, seat)


def _reflected(to: Seat, seat: Seat) -> int:
    return _knocks(_as(to.identity, to), to, seat)


def _forged(to: Seat, seat: Seat) -> int:
    return _knocks(_showing(LEAF, _certificate("leaf", seat.identity.key, LEAF, AUTHORITY)), to, seat)


def _minted(to: Seat, seat: Seat) -> int:
    """A member makes itself an authority in another's name."""
    other = next(key for key in seat.others if key != to.identity.key)
    authority = _certificate(other.hex(), seat.identity.key, AUTHORITY, _secret(seat), ca=True)
    return _knocks(_showing(LEAF, _certificate("leaf", other, LEAF, AUTHORITY), authority), to, seat)


def _garbage(to: Seat, seat: Seat) -> int:
    """A certificate that a member did sign, of a version that does not exist."""
    der = _certificate("leaf", seat.identity.key, LEAF, _secret(seat))
    told = x509.load_der_x509_certificate(der).tbs_certificate_bytes
    spoilt = told.replace(VERSION, VERSION[:-1] + b"\x05", 1)
    der = der.replace(told, spoilt, 1)
    signature = _secret(seat).sign(spoilt)
    return _knocks(_showing(LEAF, der[: -len(signature)] + signature), to, seat)


def _bare(to: Seat, seat: Seat) -> int:
    return _knocks(_trusting(), to, seat)


def _old_tls(to: Seat, seat: Seat) -> int:
    context = _as(seat.identity, to)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    return _knocks(context, to, seat)


def _other_alpn(to: Seat, seat: Seat) -> int:
    context = _as(seat.identity, to)
    context.set_alpn_protocols(["h2"])
    return _knocks(context, to, seat)


_STRANGERS: dict[str, tuple[str, Callable[[Seat, Seat], int]]] = {
    "unknown key": ("unknown-key", _unknown),
    "forged issuer": ("forged-issuer", _forged),
    "no certificate": ("no-certificate", _bare),
    "TLS 1.2": ("tls-version", _old_tls),
    "another ALPN": ("alpn", _other_alpn),
    "leaf minted by another member": ("forged-issuer", _minted),
    "garbage in a certificate": ("certificate", _garbage),
    "own key reflected": ("unknown-key", _reflected),
}


@contextmanager
def _answering(where: Address, seat: Seat, to: Seat) -> Iterator[None]:
    """`seat` answers at an address that is another's, within the block."""
    context = Credentials(seat.identity, [to.identity.key]).context(server=True)
    with socket.create_server(tuple(where)) as door:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    stream, _ = door.accept()
                    stream.settimeout(PATIENCE_S)
                    with suppress(OSError), context.wrap_socket(stream, server_side=True) as secured:
                        while secured.recv(PIECE_BYTES):
                            pass

        threading.Thread(target=serve, daemon=True).start()
        yield
        door.shutdown(socket.SHUT_RDWR)
