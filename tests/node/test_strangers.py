"""Whoever does not hold a listed key is refused with its reason before a byte of what it says is decoded."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
from attackers import (
    HONEST,
    MEMBER,
    NODE,
    STRANGER,
    client,
    knocking,
    refused,
)
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hosts import NOWHERE, Host, raw_tls, read_to_end, run, speaker

from gossipfl.node import tls
from gossipfl.node.tls import ALPN, Credentials
from gossipfl.protocol.identity import Address
from gossipfl.protocol.session import Session


def test_an_unknown_key() -> None:
    node = refused(knocking(client(STRANGER)), "unknown-key")
    assert node.refusals[0].peer is None
    assert node.refusals[0].who == "127.0.0.1"


def test_our_own_key_reflected() -> None:
    refused(knocking(client(NODE)), "unknown-key")


def test_an_issuer_forged() -> None:
    context = Credentials(STRANGER, [NODE.key])
    context._key = MEMBER.key  # names a member as issuer, signs with a stranger's key
    context._renew()
    refused(knocking(context.context(server=False)), "forged-issuer")


def test_no_certificate() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([ALPN])
    refused(knocking(context), "no-certificate")


def test_tls_1_2() -> None:
    async def attack(address: Address) -> None:
        context = client(MEMBER)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(trio.BrokenResourceError):
            async with raw_tls(address, context):
                pass

    refused(attack, "tls-version")


def test_another_alpn() -> None:
    context = client(MEMBER)
    context.set_alpn_protocols(["h2"])
    refused(knocking(context), "alpn")


def test_no_alpn() -> None:
    context = client(MEMBER)
    context.set_alpn_protocols([])
    refused(knocking(context), "alpn")


def test_no_tls_at_all() -> None:
    async def attack(address: Address) -> None:
        async with await trio.open_tcp_stream(*address) as stream:
            await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
            await read_to_end(stream)

    refused(attack, "not-tls")


def test_a_connection_that_ends_in_its_handshake_is_no_refusal() -> None:
    async def attack(address: Address) -> None:
        async with await trio.open_tcp_stream(*address) as stream:
            await stream.send_all(b"\x16\x03\x01")

    refused(attack)


def test_a_member_at_the_wrong_address() -> None:
    node, wrong = Host(NODE), Host(MEMBER)

    async def test() -> None:
        listening = wrong.running((NODE, NOWHERE))
        async with listening, node.running((HONEST, wrong.address), (MEMBER, NOWHERE)):
            await node.until(lambda host: len(host.refusals) > 0)

    run(test)
    assert node.reasons[0] == "wrong-key"
    assert not node.events


def test_a_stranger_at_an_address() -> None:
    node, wrong = Host(NODE), Host(STRANGER)

    async def test() -> None:
        async with wrong.running((NODE, NOWHERE)), node.running((HONEST, wrong.address)):
            await node.until(lambda host: len(host.refusals) > 0)

    run(test)
    assert node.reasons[0] == "unknown-key"


# Certificates that nobody honest makes


def presenting(secret: Ed25519PrivateKey, folder: Path, *chain: x509.Certificate) -> ssl.SSLContext:
    """A client that shows `chain`, whose first certificate is of the key `secret`."""
    context = client(MEMBER)
    pem = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / "chain.pem"
    file.write_bytes(b"".join(link.public_bytes(Encoding.PEM) for link in chain) + pem)
    context.load_cert_chain(file)
    return context


def certificate(
    subject: str,
    issuer: str,
    key: Ed25519PrivateKey,
    signer: Ed25519PrivateKey,
    days: tuple[int, int] = (-1, 1),
) -> x509.Certificate:
    """A certificate that may sign others, good from and until so many days from now."""
    now = datetime.now(UTC)
    builder = tls._certificate(tls._named(subject), tls._named(issuer), key.public_key())
    builder = builder.not_valid_before(now + timedelta(days[0])).not_valid_after(now + timedelta(days[1]))
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        signer, None
    )


MALLORY = Ed25519PrivateKey.from_private_bytes(MEMBER.seed)
FRESH = Ed25519PrivateKey.from_private_bytes(b"f" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)


@pytest.mark.parametrize(("days", "why"), [((-9, -1), "expired"), ((1, 9), "not yet valid")])
def test_a_leaf_of_another_time(days: tuple[int, int], why: str, tmp_path: Path) -> None:
    leaf = certificate("leaf", MEMBER.key.hex(), FRESH, MALLORY, days)
    node = refused(knocking(presenting(FRESH, tmp_path, leaf)), "clock")
    assert why in node.refusals[0].detail


def test_a_leaf_minted_by_a_member_in_the_name_of_another(tmp_path: Path) -> None:
    """The member makes itself an authority of the honest member's name, which its own anchor forbids."""
    authority = certificate(HONEST.key.hex(), MEMBER.key.hex(), OTHER, MALLORY)
    leaf = certificate("leaf", HONEST.key.hex(), FRESH, OTHER)
    node = refused(knocking(presenting(FRESH, tmp_path, leaf, authority)), "forged-issuer")
    assert node.refusals[0].peer is None


def test_a_leaf_below_an_authority_of_a_member(tmp_path: Path) -> None:
    authority = certificate("authority", MEMBER.key.hex(), OTHER, MALLORY)
    leaf = certificate("leaf", "authority", FRESH, OTHER)
    refused(knocking(presenting(FRESH, tmp_path, leaf, authority)), "certificate")


def test_a_leaf_that_signs_itself_in_the_name_of_a_member(tmp_path: Path) -> None:
    leaf = certificate(MEMBER.key.hex(), MEMBER.key.hex(), FRESH, FRESH)
    refused(knocking(presenting(FRESH, tmp_path, leaf)), "unknown-key")


def test_a_leaf_whose_issuer_is_spelt_in_another_way(tmp_path: Path) -> None:
    """To OpenSSL the two spellings are one name; to us they are not."""
    leaf = certificate("leaf", MEMBER.key.hex().upper(), FRESH, MALLORY)
    refused(knocking(presenting(FRESH, tmp_path, leaf)), "unknown-key")


def test_a_forged_issuer_at_the_address_that_we_dial() -> None:
    node, wrong = Host(NODE), Host(STRANGER)

    async def test() -> None:
        async with wrong.running((NODE, NOWHERE)) as links:
            links._credentials._key = HONEST.key
            links._credentials._renew()
            async with node.running((HONEST, wrong.address)):
                await node.until(lambda host: bool(host.refusals))

    run(test)
    assert node.reasons[0] == "forged-issuer"


def test_no_session_can_be_resumed() -> None:
    async def attack(address: Address) -> None:
        async with raw_tls(address, client(MEMBER)) as stream:
            await stream.send_all(Session(speaker(MEMBER), NODE.key, dialled=True).hello())
            await stream.receive_some(65536)
            assert not stream.session.has_ticket

    refused(attack)


def test_a_leaf_is_renewed_when_the_clock_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    credentials, made = Credentials(NODE, [MEMBER.key]), []
    monkeypatch.setattr(credentials, "_renew", lambda: made.append(1))
    credentials.context(server=True)
    assert not made
    for away_s in (2 * tls.RENEW_S, -2 * tls.RENEW_S):
        credentials._made_at += away_s
        credentials.context(server=True)
        credentials.context(server=False)
    assert len(made) == 2
