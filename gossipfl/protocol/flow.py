"""Token accounts: how much a peer says, as a pure function of what it has saved and of what it hears.

Danner and Jelasity (ICDCS 2018), "Token account algorithms: the best of the proactive and reactive worlds",
in their randomised form. Each period a peer either speaks or saves a token; what it hears makes it spend
some. So it says no more than one message a period on average, but bursts travel fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from gossipfl.errors import SettingsError


@dataclass(frozen=True, slots=True)
class TokenAccount:
    """An account of at most `capacity` tokens; from `spending` tokens on, one that is heard makes it speak.

    The defaults are those of Hegedus, Danner and Jelasity (JPDC 2021): C = 20 and A = 10.
    """

    capacity: int = 20
    spending: int = 10

    def __post_init__(self) -> None:
        if not 1 <= self.spending <= self.capacity:
            raise SettingsError(
                f"A token account spends from {self.spending} of {self.capacity} tokens on: "
                "choose 1 or more, and no more than it holds."
            )

    def proactive(self, balance: int) -> float:
        """The probability of speaking at the end of a period, which saves its token otherwise."""
        above = balance - self.spending + 1
        return min(1.0, max(0.0, above / (self.capacity - self.spending + 1)))

    def reactive(self, balance: int, chance: float) -> int:
        """How many messages to send, a token each, once something useful is heard; `chance` is in [0, 1).

        That is balance / spending, rounded up or down at random so that its mean is exact.
        """
        return min(balance, floor(balance / self.spending + chance))
