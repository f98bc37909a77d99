"""Mutual TLS 1.3 by listed keys: whoever holds a listed Ed25519 key may speak, and nobody else.

Rules:
- For each listed key the verifier builds its own trust anchor, named by the key in hex; OpenSSL does not
  check an anchor's own signature. A peer shows a leaf that its identity key signed for a fresh key.
- A refused client still sees its handshake succeed: nothing counts as connected before HELLO_ACK.
- Never `ssl.create_default_context`: it trusts the system's authorities and can log session keys.
"""

from __future__ import annotations

import contextlib
import functools
import secrets
import ssl
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gossipfl.errors import RemoteProtocolError
from gossipfl.protocol.identity import Identity
from gossipfl.protocol.membership import MEMBERS_MAX

ALPN = "gossipfl/1"
LEAF_BACK = timedelta(days=2)
LEAF_AHEAD = timedelta(days=30)
"""A leaf is good from two days back, for clocks that are slow, and for a month: our guess."""

RENEW_S = 86_400.0
"""A node makes a new leaf when its clock is a day away from where it made the last, be it by being set."""

_SPOKEN = {
    "DECRYPTION_FAILED_OR_BAD_RECORD_MAC": "corrupt",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "no-certificate",
    "UNSUPPORTED_PROTOCOL": "tls-version",
    "VERSION_TOO_LOW": "tls-version",
    "WRONG_VERSION_NUMBER": "not-tls",
    "HTTP_REQUEST": "not-tls",
    "HTTPS_PROXY_REQUEST": "not-tls",
    "TLSV1_ALERT_PROTOCOL_VERSION": "tls-version",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "no-certificate",
}
_VERIFIED = {
    2: "unknown-key",  # no issuer
    7: "forged-issuer",  # not signed by the key of the anchor it names
    9: "clock",  # not yet valid
    10: "clock",  # no longer valid
    18: "unknown-key",  # signs itself
    19: "unknown-key",  # its root signs itself
    20: "unknown-key",  # no anchor of that name
    21: "unknown-key",
}


class Credentials:
    """The two TLS contexts of a node that trusts exactly `keys`."""

    def __init__(self, identity: Identity, keys: Iterable[bytes]) -> None:
        self._secret = Ed25519PrivateKey.from_private_bytes(identity.seed)
        self._key = identity.key
        self.trust(keys)

    def trust(self, keys: Iterable[bytes]) -> None:
        """Trust exactly `keys` in handshakes that end from now on. Raises `OSError`: then nobody new is."""
        self._keys = {_named(key.hex()): key for key in sorted(keys)}
        anchors = b"".join(map(_anchor, self._keys.values()))
        server, client = (
            _context(ssl.PROTOCOL_TLS_SERVER, anchors),
            _context(ssl.PROTOCOL_TLS_CLIENT, anchors),
        )
        server.num_tickets = 0
        self._load(server, client)
        self._server, self._client = server, client
        self._made_at = time.time()

    def context(self, *, server: bool) -> ssl.SSLContext:
        """The context for a handshake, with a leaf that is fresh enough."""
        now = time.time()  # the clock by which others judge the leaf
        if abs(now - self._made_at) > RENEW_S:
            self._made_at = now
            with contextlib.suppress(OSError):  # a full disk: the leaf that we have is good for weeks
                self._renew()
        return self._server if server else self._client

    def key_of(self, stream: ssl.SSLObject) -> bytes:
        """The listed key that `stream`, whose handshake is done, was opened with.

        Raises `RemoteProtocolError`: alpn, tls-version, certificate, unknown-key.
        """
        if stream.version() != "TLSv1.3":
            raise RemoteProtocolError("tls-version", f"It speaks {stream.version()}, not TLSv1.3.")
        if stream.selected_alpn_protocol() != ALPN:
            raise RemoteProtocolError("alpn", f"It did not choose the protocol {ALPN}.")
        key = self._keys.get(_issuer(stream.getpeercert(binary_form=True) or b""))
        if key is None:
            raise RemoteProtocolError("unknown-key", "Its key is not listed.")
        return key

    def _renew(self) -> None:
        self._load(self._server, self._client)

    def _load(self, *contexts: ssl.SSLContext) -> None:
        """Have `contexts` show a new leaf."""
        leaf_key = Ed25519PrivateKey.generate()
        leaf = _leaf(self._key, self._secret, leaf_key.public_key())
        password = secrets.token_bytes(32).hex()  # the module reads keys from files only
        sealed = BestAvailableEncryption(password.encode())
        with tempfile.TemporaryDirectory(prefix="gossipfl-") as folder:
            chain = Path(folder, "leaf.pem")
            secret = leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)
            chain.write_bytes(leaf.public_bytes(Encoding.PEM) + secret)
            for context in contexts:
                context.load_cert_chain(chain, password=password)


def tls_reason(error: BaseException | None) -> str | None:
    """The word under which a TLS `error` is counted; None if the stream merely ended or broke."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFIED.get(error.verify_code, "certificate")
    if not isinstance(error, ssl.SSLError) or isinstance(error, ssl.SSLEOFError):
        return None
    reason = error.reason or ""
    return _SPOKEN.get(reason, "refused-us" if "ALERT" in reason else "tls")


def _context(protocol: int, anchors: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # a key is who a peer is, wherever it is
    context.verify_mode = ssl.CERT_REQUIRED
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols([ALPN])
    if anchors:
        context.load_verify_locations(cadata=anchors)
    return context


def _issuer(certificate: bytes) -> x509.Name:
    try:
        return x509.load_der_x509_certificate(certificate).issuer
    except (ValueError, x509.InvalidVersion):  # OpenSSL is less strict about what a member may have signed
        raise RemoteProtocolError("certificate", "Its certificate cannot be read.") from None


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certificate(subject: x509.Name, issuer: x509.Name, key: Ed25519PublicKey) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return builder.serial_number(x509.random_serial_number())


def _usage(*, signs_leaves: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_leaves,
        key_cert_sign=signs_leaves,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


@functools.lru_cache(maxsize=MEMBERS_MAX)
def _anchor(key: bytes) -> bytes:
    """A trust anchor (DER) for `key`, signed by a throw-away key, for no leaf but its direct ones."""
    name = _named(key.hex())
    builder = _certificate(name, name, Ed25519PublicKey.from_public_bytes(key))
    builder = builder.not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
    builder = builder.not_valid_after(datetime(9999, 12, 31, tzinfo=UTC))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_leaves=True), critical=True)
    return builder.sign(Ed25519PrivateKey.generate(), None).public_bytes(Encoding.DER)


def _leaf(key: bytes, secret: Ed25519PrivateKey, leaf_key: Ed25519PublicKey) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = _certificate(_named("gossipfl leaf"), _named(key.hex()), leaf_key)
    builder = builder.not_valid_before(now - LEAF_BACK).not_valid_after(now + LEAF_AHEAD)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_leaves=False), critical=True)
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=True)
    return builder.sign(secret, None)
