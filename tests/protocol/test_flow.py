"""Token accounts: what is saved is spent, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from gossipfl.draws import Draws
from gossipfl.errors import SettingsError
from gossipfl.protocol.flow import TokenAccount

CHANCES = Draws(1).uniform("chances", 20_000)


def test_a_poor_peer_never_speaks_by_itself_and_a_rich_one_always_does() -> None:
    account = TokenAccount(capacity=20, spending=10)
    assert [account.proactive(balance) for balance in (0, 8, 9)] == [0.0, 0.0, 0.0]
    assert account.proactive(10) == pytest.approx(1 / 11)
    assert account.proactive(20) == account.proactive(99) == 1.0
    growing = [account.proactive(balance) for balance in range(21)]
    assert growing == sorted(growing)


def test_what_is_heard_costs_a_share_of_the_balance_on_average() -> None:
    account = TokenAccount(capacity=20, spending=10)
    for balance in (0, 3, 10, 17):
        spent = [account.reactive(balance, chance) for chance in CHANCES[:4000]]
        assert np.mean(spent) == pytest.approx(balance / 10, abs=0.03)
        assert max(spent) <= balance


@pytest.mark.parametrize("heard_each_period", [0, 1, 5])
def test_a_peer_says_one_message_a_period_at_most(heard_each_period: int) -> None:
    account, chances, balance, said = TokenAccount(), iter(CHANCES.tolist()), 0, 0
    periods = 2000
    for _ in range(periods):
        if next(chances) < account.proactive(balance):
            said += 1
        else:
            balance += 1
        for _ in range(heard_each_period):
            spent = account.reactive(balance, next(chances))
            balance, said = balance - spent, said + spent
        assert 0 <= balance <= account.capacity
    assert said + balance == periods


@pytest.mark.parametrize(("capacity", "spending"), [(5, 6), (5, 0), (0, 0)])
def test_an_account_that_could_never_spend_is_refused(capacity: int, spending: int) -> None:
    with pytest.raises(SettingsError, match="no more than it holds"):
        TokenAccount(capacity, spending)
