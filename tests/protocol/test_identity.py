"""Keys, the lines that people paste, and the roster."""

from __future__ import annotations

import pytest

from gossipfl.errors import SettingsError, UserError
from gossipfl.protocol.identity import (
    Address,
    Identity,
    Neighbour,
    Roster,
    fingerprint,
    parse_neighbour,
    peer_number,
    verify,
)

ANNA, BERT = Identity(b"a" * 32), Identity(b"b" * 32)


def neighbour(name: str, key: bytes = ANNA.key) -> Neighbour:
    return Neighbour(name, Address("10.0.0.1", 7400), key)


def test_a_signature_holds_for_its_key_and_its_message_alone() -> None:
    signature = ANNA.sign(b"hello")
    assert verify(ANNA.key, signature, b"hello")
    assert not verify(BERT.key, signature, b"hello")
    assert not verify(ANNA.key, signature, b"hellO")


def test_a_seed_makes_the_same_identity_again() -> None:
    fresh = Identity.new()
    assert Identity(fresh.seed).key == fresh.key != Identity.new().key


def test_a_number_is_the_first_four_bytes_of_the_key() -> None:
    assert peer_number(bytes([0, 0, 1, 2]) + b"x" * 28) == 258


def test_a_fingerprint_tells_keys_apart() -> None:
    assert len(fingerprint(ANNA.key)) == 19
    assert fingerprint(ANNA.key) != fingerprint(BERT.key)


@pytest.mark.parametrize("host", ["clinic.example.org", "192.0.2.7", "2001:db8::7", "::1", "localhost"])
def test_a_pasted_line_gives_the_neighbour_back(host: str) -> None:
    peer = Neighbour("north-clinic", Address(host, 7400), ANNA.key)
    assert parse_neighbour(f" {peer}\n") == peer


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("north", "whole line"),
        (f"north@host#{ANNA.key.hex()}", "host:port"),
        (f"north@host:99999#{ANNA.key.hex()}", "port"),
        (f"north@host:0#{ANNA.key.hex()}", "listens"),
        (f"north@2001:db8::7:7400#{ANNA.key.hex()}", "IPv6"),
        (f"north@ho/st:7400#{ANNA.key.hex()}", "host"),
        (f"no/rth@host:7400#{ANNA.key.hex()}", "another name"),
        (f"north@host:7400#{ANNA.key.hex()[:-1]}", "64"),
        (f"north@host:7400#{'02' + '00' * 31}", "not an Ed25519 key"),
        (f"north@host:7400#{'01' + '00' * 31}", "not an Ed25519 key"),
    ],
)
def test_a_line_that_is_not_whole_is_refused_with_a_hint(line: str, hint: str) -> None:
    with pytest.raises(UserError, match=hint):
        parse_neighbour(line)


def test_a_roster_refuses_its_own_key() -> None:
    with pytest.raises(SettingsError, match=r"'me-too'.*own"):
        Roster("me", ANNA.key, (neighbour("me-too"),))


def test_a_roster_refuses_a_key_or_a_name_twice() -> None:
    with pytest.raises(SettingsError, match="'x' and 'y'"):
        Roster("me", BERT.key, (neighbour("x"), neighbour("y")))
    with pytest.raises(SettingsError, match="'x'"):
        Roster("me", Identity.new().key, (neighbour("x"), neighbour("x", BERT.key)))
    with pytest.raises(SettingsError, match="'me'"):
        Roster("me", BERT.key, (neighbour("me"),))
