"""A run as a readable conversation: one line for whatever a peer heard, did or gave up on."""

from __future__ import annotations

from gossipfl.protocol.events import (
    Admitted,
    Drop,
    Effect,
    Event,
    Expelled,
    Finished,
    Joined,
    Judge,
    Judged,
    Left,
    Note,
    Offended,
    Quarantined,
    Received,
    Refused,
    Regarded,
    RoundClosed,
    Send,
    SetTimer,
    Started,
    Stop,
    TimerFired,
    Train,
    Trained,
)
from gossipfl.protocol.messages import (
    Ask,
    Begun,
    Doubt,
    Gone,
    Missed,
    PeerId,
    Proof,
    Shown,
    StandIn,
    Update,
    Witness,
    Word,
)
from gossipfl.protocol.round_peer import RoundPeer


class Transcript:
    """Collects `lines`; give its `witness` to a world."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def witness(self, peer: RoundPeer, now: float, event: Event, effects: list[Effect]) -> None:
        said = [*_event(event), *(words for words in map(_effect, effects) if words)]
        self.lines += [f"{now:7.3f} {_name(peer.number)} {words}" for words in _together(said)]

    def __str__(self) -> str:
        return "\n".join(self.lines) + "\n"


def _names(gone: Gone) -> str:
    return " and ".join(_name(peer) for peer, _ in gone.since) or "nobody"


def _name(peer: PeerId) -> str:
    return "abcdefghijklmnopqrstuvwxyz"[peer % 26] + str(peer // 26 or "")


_WORDS = {
    Word.ASKS: "would have it for a neighbour",
    Word.AGREES: "agrees",
    Word.DECLINES: "declines",
    Word.ENDS: "is its neighbour no longer",
}
_OF_OTHERS = {
    Witness: ("what it heard", "hears what {} heard"),
    Doubt: ("that it doubts this", "hears that {} doubts this"),
    Shown: ("who said so", "hears from {} who said so"),
    Proof: ("who lied, and how", "hears from {} who lied, and how"),
}
_OF_NEIGHBOURS = {
    Joined: "sees {} come",
    Left: "sees {} leave",
    Admitted: "is told that {} is a neighbour",
    Expelled: "is told that {} is a neighbour no more",
}
_ASKED = {Missed: "cannot follow", Ask: "wants to hear it"}


def _event(event: Event) -> list[str]:
    match event:
        case Received(sender, Begun(round)):
            return [f"hears that {_name(sender)} begins in round {round}"]
        case Received(sender, Update(round, whole=whole)):
            return [f"hears {_name(sender)}'s round {round}{', whole' * whole}"]
        case Received(sender, Gone() as gone):
            return [f"hears that {_name(sender)} has lost {_names(gone)}"]
        case Received(sender, StandIn(word)):
            return [f"hears that {_name(sender)} {_WORDS[word]}"]
        case Received(sender, Witness() | Doubt() | Shown() | Proof() as message):
            return [_OF_OTHERS[type(message)][1].format(_name(sender))]
        case Received(sender, message):
            return [f"hears that {_name(sender)} {_ASKED[type(message)]}"]
        case Joined(peer) | Left(peer) | Admitted(peer) | Expelled(peer):
            return [_OF_NEIGHBOURS[type(event)].format(_name(peer))]
        case Offended(peer, why):
            return [f"sees {_name(peer)} break a rule: {why}"]
        case Stop():
            return ["is told to stop"]
        case Started() | Trained() | Judged() | TimerFired():
            return []


def _effect(effect: Effect) -> str:
    return _said(effect) if isinstance(effect, Send) else _done(effect)


def _said(effect: Send) -> str:
    match effect:
        case Send(to, Begun(round)):
            return f"says that it begins in round {round} to {_name(to)}"
        case Send(to, Update(round, whole=whole)):
            return f"says round {round}{', whole' * whole} to {_name(to)}"
        case Send(to, Gone() as gone):
            return f"says that it has lost {_names(gone)} to {_name(to)}"
        case Send(to, StandIn(word)):
            return f"tells {_name(to)} that it {_WORDS[word]}"
        case Send(to, Witness() | Doubt() | Shown() | Proof() as message):
            return f"says {_OF_OTHERS[type(message)][0]} to {_name(to)}"
        case Send(to, message):
            return f"tells {_name(to)} that it {_ASKED[type(message)]}"
    raise AssertionError(effect)


def _done(effect: Effect) -> str:
    match effect:
        case Train(_, round):
            return f"trains round {round}"
        case Drop(peer, why):
            return f"drops {_name(peer)}: {why}"
        case Note(Refused(sender, reason)):
            return f"refuses {_name(sender)}: {reason}"
        case Note(Quarantined(peer, why)):
            return f"shuts {_name(peer)} out: {why}"
        case Note(Regarded(peer, state)):
            return f"takes {_name(peer)} for {state}"
        case Note(RoundClosed(round, heard=heard, missing=missing, stale=stale)):
            words = f"closes round {round} with {heard} of {heard + missing}"
            return words + (f", {stale} of them stale" if stale else "")
        case SetTimer(timer, delay_s):
            return f"gathers for {delay_s:g} s" if timer == 0 else f"waits {delay_s:.3g} s at most"
        case Judge(vectors, _):
            return f"judges {len(vectors)} vectors"
        case Finished():
            return "has finished"
    raise AssertionError(effect)


def _together(said: list[str]) -> list[str]:
    """`said`, with what goes to several in one line."""
    lines: list[str] = []
    for words in said:
        what, to, whom = words.rpartition(" to ")
        if to and what.startswith("says") and lines and lines[-1].startswith(what + " to "):
            lines[-1] += f", {whom}"
        else:
            lines.append(words)
    return lines
