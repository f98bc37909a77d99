"""Messages of errors: whatever they repeat, they stay short and any terminal can show them."""

from __future__ import annotations

import pickle

import pytest

from gossipfl.errors import MESSAGE_CHARS_MAX, DataError, RemoteProtocolError


def test_a_message_that_repeats_a_file_keeps_its_begin_and_its_advice() -> None:
    said = str(DataError(f"The cell {'x' * 100_000} is no number: correct it."))
    assert said.startswith("The cell xxx")
    assert said.endswith("xxx is no number: correct it.")
    assert len(said) == MESSAGE_CHARS_MAX


@pytest.mark.parametrize(
    ("letters", "shown"),
    [
        ("naïve 日本", "naïve 日本"),
        ("two\nlines", "two\nlines"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b2J", "\\x9b2J"),
        ("\udcff", "\\udcff"),
        ("a\u202eb", "a\\u202eb"),
    ],
)
def test_what_could_steer_a_terminal_or_cannot_be_printed_is_escaped(letters: str, shown: str) -> None:
    assert str(RemoteProtocolError("malformed", letters)) == shown
    assert shown.encode() == str(DataError(letters)).encode()


def test_an_error_that_comes_from_another_process_says_the_same() -> None:
    error = DataError("a\tb")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301  it is our own
