"""Who is not there, and why, is said to the operator: nobody, or somebody who turns the node away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trio.testing
from test_journal import CLOSED, OTHER, heard_by, journal_in

from gossipfl.cli.company import LATELY_S, Company
from gossipfl.cli.solitude import AGAIN_S, FIRST_S, told_alone
from gossipfl.protocol.events import Joined, Left


def test_it_is_trouble_if_nobody_is_there_and_somebody_was_refused_lately() -> None:
    now_s = 100.0
    company = Company(lambda: now_s)
    assert company.trouble == ""
    company.turned_away("b", "manifest", "The two sides differ in: rounds; make it the same at both.")
    words = "no neighbour is here; b is refused (manifest): The two sides differ in: rounds; make it the same"
    assert company.trouble == words + " at both"
    now_s += LATELY_S
    assert company.trouble == ""
    company.turned_away("b", "refused-us", "It refused us (manifest): The two sides differ in: rounds.")
    assert company.trouble.startswith("no neighbour is here; b refuses this node: It refused us")
    company.came("b")
    company.turned_away("c", "manifest", "The two sides differ in: rounds.")
    assert company.trouble == "", "somebody is there to learn with"
    company.went("b")
    assert "c is refused" in company.trouble
    company.came("c")
    company.went("c")
    assert company.trouble == "", "whoever went was let in before"


def test_a_node_that_was_revoked_is_told_once_by_each(tmp_path: Path) -> None:
    said: list[str] = []
    journal = journal_in(tmp_path, heard_by(said))
    for _ in range(2):
        journal.refuse(OTHER.number, "b (127.0.0.1)", "refused-us", "revoked: The list of members says so.")
    journal.refuse(OTHER.number, "b (127.0.0.1)", "refused-us", "It does not list this node's key.")
    journal.close()
    warning = "warning: b says that the members revoked this node, and hears it no more: ask its operator"
    assert said.count(warning) == 1
    assert journal.company.trouble == f"no neighbour is here; {warning.removeprefix('warning: ')}"


@pytest.mark.parametrize(
    ("round", "words"),
    [(0, "`gossipfl doctor` says why"), (117, "If their run is over, they do not come back")],
)
def test_a_node_that_finds_nobody_says_so_and_what_it_means(round: int, words: str, tmp_path: Path) -> None:
    said: list[str] = []
    journal = journal_in(tmp_path, heard_by(said))
    journal.round = round
    journal.tell_alone()
    assert "nobody is there of b" in said[0]
    assert words in said[0]
    waited = [journal.waits]
    for record in (Joined(OTHER.number), Left(OTHER.number), CLOSED):
        journal.saw(record)
        waited.append(journal.waits)
    assert waited == [True, False, True, False]
    journal.close()


@pytest.mark.parametrize(("waits", "times"), [(lambda: True, 3), (lambda: False, 0)])
def test_it_is_said_soon_and_then_from_time_to_time(waits: Callable[[], bool], times: int) -> None:
    told: list[float] = []

    async def test() -> None:
        began = trio.current_time()
        async with told_alone(waits, lambda: told.append(trio.current_time() - began)):
            await trio.sleep(FIRST_S + 2 * AGAIN_S + 1)

    trio.run(test, clock=trio.testing.MockClock(autojump_threshold=0))
    assert told == pytest.approx([FIRST_S, FIRST_S + AGAIN_S, FIRST_S + 2 * AGAIN_S][:times])
