"""What may happen to a message: a verdict, given by any callable `(sender, to, message, now)`.

Rules:
- Rules are asked in order: delays add up, the first loss is final.
- What is said instead of a message is judged by the rules that follow, each message for itself.
- A rule draws by sender and message count, so the same seed loses and delays the same messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gossipfl.errors import SettingsError
from gossipfl.protocol.messages import Message, PeerId


@dataclass(frozen=True, slots=True)
class Pass:
    """Nothing happens to the message."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """The message takes `delay_s` longer; not `in_order`, it may be overtaken, and overtakes."""

    delay_s: float
    in_order: bool = True


@dataclass(frozen=True, slots=True)
class Lost:
    """The message never arrives."""


@dataclass(frozen=True, slots=True)
class Corrupt:
    """The message arrives broken: it is refused, and the link that brought it is closed and dialled again."""


@dataclass(frozen=True, slots=True)
class Instead:
    """These messages are said in its place: none, one that was altered, two alike, a flood."""

    messages: tuple[Message, ...]


Verdict = Pass | Deliver | Lost | Corrupt | Instead
Rule = Callable[[PeerId, PeerId, Message, float], Verdict]

PASS, LOST = Pass(), Lost()


class Fate(NamedTuple):
    """What becomes of one message that was said."""

    message: Message
    delay_s: float
    in_order: bool = True
    lost: bool = False
    corrupt: bool = False


def judge(
    rules: Sequence[Rule], sender: PeerId, to: PeerId, message: Message, now: float
) -> float | list[Fate]:
    """The delay in seconds that all `rules` give the message together; or the fates, if it meets any other.

    Nearly all messages are only delayed, and that is what is quick. Raises `SettingsError` for what is no
    verdict.
    """
    delay_s, rest = 0.0, iter(rules)
    for rule in rest:
        verdict = rule(sender, to, message, now)
        if isinstance(verdict, Deliver) and verdict.in_order:
            delay_s += verdict.delay_s
        elif not isinstance(verdict, Pass):
            fates = _after(verdict, Fate(message, delay_s))
            for later in rest:
                fates = [
                    after
                    for fate in fates
                    for after in ([fate] if fate.lost else _after(later(sender, to, fate.message, now), fate))
                ]
            return fates
    return delay_s


def _after(verdict: Verdict, fate: Fate) -> list[Fate]:
    """What becomes of a message with such a `fate` after one more `verdict`."""
    match verdict:
        case Pass():
            return [fate]
        case Deliver(delay_s, in_order):
            return [fate._replace(delay_s=fate.delay_s + delay_s, in_order=fate.in_order and in_order)]
        case Lost():
            return [fate._replace(lost=True)]
        case Corrupt():
            return [fate._replace(corrupt=True)]
        case Instead(messages):
            return [fate._replace(message=message) for message in messages]
        case _:
            raise SettingsError(
                f"A fault rule returned {verdict!r:.40}: let it return Pass(), Deliver(seconds), Lost(), "
                "Corrupt() or Instead(messages)."
            )
