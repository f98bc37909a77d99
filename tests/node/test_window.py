"""A node's window: read by whoever is on the machine, at no cost to the node."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
import trio
from hosts import read_to_end, run, still

from gossipfl.errors import SettingsError
from gossipfl.node.limits import STRANGERS_PER_HOST_MAX, WINDOW_BURST, WINDOW_HEADERS_BYTES, WINDOW_S
from gossipfl.node.window import Page, Pages, window
from gossipfl.protocol.identity import Address

HERE = Address("127.0.0.1", 0)
PAGES: Pages = {"/health": lambda: Page(200, "application/json", b'{"healthy":true}')}
GET = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1:9464\r\n\r\n"


def parsed(answer: bytes) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers with names in small letters, and body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode("ascii").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in rest)
    return int(first.split()[1]), headers, body


async def asked(where: Address, request: bytes) -> tuple[int, Mapping[str, str], bytes]:
    async with await trio.open_tcp_stream(*where) as stream:
        await stream.send_all(request)
        return parsed(await read_to_end(stream))


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (GET, 200),
        (b"GET /health?round=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        (b"GET /health HTTP/1.1\r\nHost: [::1]:9464\r\n\r\n", 200),
        (b"GET /health HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
        (b"GET /\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"POST /health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\nno", 405),
        (b"DELETE /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405),
        (b"CONNECT example.org:443 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405),
        (b"GET /health HTTP/1.1\r\nHost: rebound.example.org\r\n\r\n", 421),
        (b"GET /health HTTP/1.1\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: " + b"c" * 65536, 431),
    ],
)
def test_each_request_has_one_answer_and_then_the_connection_ends(request_: bytes, status: int) -> None:
    async def test() -> None:
        async with window(HERE, PAGES) as where:
            got, headers, body = await asked(where, request_)
            assert got == status
            assert headers["connection"] == "close"
            assert int(headers["content-length"]) == len(body) > 0
            assert ("allow" in headers) == (status == 405)
            assert (json.loads(body) == {"healthy": True}) if status == 200 else body.endswith(b".\n")

    run(test)


def test_head_tells_the_length_and_no_more() -> None:
    async def test() -> None:
        async with window(HERE, PAGES) as where:
            status, headers, body = await asked(where, GET.replace(b"GET", b"HEAD"))
            assert (status, headers["content-length"], body) == (200, "16", b"")

    run(test)


def test_headers_without_an_end_are_cut_short_before_they_are_kept() -> None:
    async def test() -> None:
        async with window(HERE, PAGES) as where, await trio.open_tcp_stream(*where) as stream:
            await stream.send_all(b"GET /health HTTP/1.1\r\nCookie: " + b"c" * WINDOW_HEADERS_BYTES)
            status, _, _ = parsed(await read_to_end(stream))
            assert status == 431

    run(test)


def test_who_asks_too_slowly_or_reads_nothing_is_let_go() -> None:
    async def test() -> None:
        large: Pages = {"/metrics": lambda: Page(200, "text/plain", b"x" * (64 << 20))}
        async with window(HERE, large) as where, await trio.open_tcp_stream(*where) as slow:
            began = trio.current_time()
            async with await trio.open_tcp_stream(*where) as deaf:
                await deaf.send_all(b"GET /metrics HTTP/1.0\r\n\r\n")
                await slow.send_all(GET[:-2])
                assert await read_to_end(slow) == b""
                assert trio.current_time() - began == pytest.approx(WINDOW_S, abs=1.0)
                assert len(await read_to_end(deaf)) < 64 << 20

    trio.run(test, clock=still())


def test_who_came_first_makes_room_for_who_comes() -> None:
    async def test() -> None:
        async with window(HERE, PAGES) as where, trio.open_nursery() as nursery:
            first = [await trio.open_tcp_stream(*where) for _ in range(4 * STRANGERS_PER_HOST_MAX)]
            for stream in first:
                nursery.start_soon(stream.send_all, b"GET /")
            status, _, _ = await asked(where, GET)
            assert status == 200
            assert await read_to_end(first[0]) == b""
            for stream in first:
                await trio.aclose_forcefully(stream)

    run(test)


def test_pages_are_made_only_so_often() -> None:
    made = 0

    def page() -> Page:
        nonlocal made
        made += 1
        return PAGES["/health"]()

    async def test() -> None:
        async with window(HERE, {"/health": page}) as where:
            answers = [(await asked(where, GET))[0] for _ in range(int(WINDOW_BURST) + 1)]
            assert answers == [200] * int(WINDOW_BURST) + [429]
            await trio.sleep(1.0)
            assert (await asked(where, GET))[0] == 200
        assert made == WINDOW_BURST + 1

    trio.run(test, clock=still())


def test_what_happens_beside_the_window_comes_out_as_it_is() -> None:
    async def test() -> None:
        with pytest.raises(SettingsError, match="diverged"):
            async with window(HERE, PAGES):
                raise SettingsError("diverged")

    run(test)


def test_an_address_in_use_is_told_in_a_sentence() -> None:
    async def test() -> None:
        async with window(HERE, PAGES) as where:
            with pytest.raises(SettingsError, match="in use"):
                async with window(where, PAGES):
                    pass

    run(test)
