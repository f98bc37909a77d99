"""What an experiment may say of its network and of what befalls its peers: [network] and [faults].

Rules:
- What befalls a peer is written PEER@ROUND; what cannot happen, such as dying twice, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from gossipfl.experiment.section import Fraction, Positive, Seconds, Section

Times = Annotated[float, Field(ge=0.01, le=1e6)]
_NUMBER = r"(\d+(?:\.\d+)?)"


class NetworkSettings(Section):
    """What a simulation charges for messages and for training, in virtual time."""

    latency_s: Seconds = 0.01
    jitter_s: Seconds = 0.0
    latency_sigma: float = Field(0.0, ge=0.0, le=10.0)
    latency_file: str | None = None
    loss: Fraction = 0.0
    duplicate: Fraction = 0.0
    reorder: Fraction = 0.0
    corrupt: Fraction = 0.0
    bandwidth_mbps: Positive | None = None
    training_s: Seconds = 1.0
    slow: dict[int, Times] = Field(default_factory=dict)


def _written(pattern: str, form: str, example: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f'write it as {form}, such as "{example}"')
        return text

    return AfterValidator(check)


MOMENT = r"(\d+)@(\d+)"
_PAUSE = rf"(\d+)@(\d+)\+{_NUMBER}"
_SLOW = rf"(\d+)@(\d+)-(\d+)x{_NUMBER}"
_DROP_OUT = r"(0?\.\d+)@(\d+)"

Moment = Annotated[str, _written(MOMENT, "PEER@ROUND", "2@5")]
PauseText = Annotated[str, _written(_PAUSE, "PEER@ROUND+SECONDS", "4@6+30")]
SlowText = Annotated[str, _written(_SLOW, "PEER@FIRST-LASTxTIMES", "5@10-20x8")]
DropOutText = Annotated[str, _written(_DROP_OUT, "SHARE@ROUND", "0.3@20")]


class PartitionSettings(Section):
    """A cut through the network, by rounds or by seconds."""

    kind: Literal["halves", "random", "isolate", "bridge", "majorities-ring", "one-way"]
    first: int | None = Field(None, ge=1, alias="from")
    last: int | None = Field(None, ge=1, alias="to")
    first_s: Seconds | None = Field(None, alias="from_s")
    last_s: Seconds | None = Field(None, alias="to_s")
    peer: int | None = Field(None, ge=0)
    share: float | None = Field(None, gt=0.0, lt=1.0)

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="after")
    def _agree(self) -> PartitionSettings:
        rounds, seconds = (self.first, self.last), (self.first_s, self.last_s)
        if (None in rounds) == (None in seconds) or (any(rounds) and any(seconds)):
            raise ValueError("a partition needs from and to, rounds, or else from_s and to_s, seconds")
        first, last = seconds if None in rounds else rounds
        if first is None or last is None or last <= first:
            raise ValueError("a partition heals after it began: make to greater than from")
        if self.kind == "isolate" and self.peer is None:
            raise ValueError('the partition "isolate" needs peer, the one that is cut off')
        if self.peer is not None and self.kind not in ("isolate", "bridge"):
            raise ValueError(f'leave out peer: it is for "isolate" and "bridge", and this is "{self.kind}"')
        if self.share is not None and self.kind != "random":
            raise ValueError(f'leave out share: it is for "random", and this is "{self.kind}"')
        return self


class ChurnSettings(Section):
    """How peers come and go: by chances in each round, by lengths of time, or by a trace."""

    leave: Fraction | None = None
    back: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    session_s: Positive | None = None
    absence_s: Positive | None = None
    trace: str | None = None
    forget: bool = False

    @model_validator(mode="after")
    def _agree(self) -> ChurnSettings:
        given = self.model_fields_set - {"forget"}
        if given and given not in ({"leave", "back"}, {"session_s", "absence_s"}, {"trace"}):
            raise ValueError("churn needs leave and back, or session_s and absence_s, or trace alone")
        return self


class FaultsSettings(Section):
    """What befalls peers and network: in a round that the peer itself, or the first of all, reaches."""

    kill: tuple[Moment, ...] = ()
    leave: tuple[Moment, ...] = ()
    restart: tuple[Moment, ...] = ()
    pause: tuple[PauseText, ...] = ()
    slow_down: tuple[SlowText, ...] = ()
    drop_out: tuple[DropOutText, ...] = ()
    partition: tuple[PartitionSettings, ...] = ()
    churn: ChurnSettings = ChurnSettings()
    clock_skew_s: dict[int, Annotated[float, Field(ge=-1e9, le=1e9)]] = Field(default_factory=dict)


def moments(texts: Iterable[str]) -> list[tuple[int, int]]:
    """`("2@5",)` as [(peer, round)]."""
    return [(int(peer), int(round)) for peer, round in (text.split("@") for text in texts)]


def pauses(texts: Iterable[str]) -> list[tuple[int, int, float]]:
    """`("4@6+30",)` as [(peer, round, seconds)]."""
    return [(int(peer), int(round), float(for_s)) for peer, round, for_s in _parts(_PAUSE, texts)]


def slow_phases(texts: Iterable[str]) -> list[tuple[int, int, int, float]]:
    """`("5@10-20x8",)` as [(peer, first, last, times)]."""
    return [(int(peer), int(first), int(last), float(x)) for peer, first, last, x in _parts(_SLOW, texts)]


def drop_outs(texts: Iterable[str]) -> list[tuple[float, int]]:
    """`("0.3@20",)` as [(share, round)]."""
    return [(float(share), int(round)) for share, round in _parts(_DROP_OUT, texts)]


def _parts(pattern: str, texts: Iterable[str]) -> list[tuple[str, ...]]:
    return [found.groups() for found in (re.fullmatch(pattern, text) for text in texts) if found]


def check_faults(faults: FaultsSettings, rounds: int) -> None:
    """Raise `ValueError` for what cannot happen in so many `rounds`."""
    reached: dict[str, Callable[[str], Iterable[int]]] = {
        "kill": lambda text: [moments([text])[0][1]],
        "leave": lambda text: [moments([text])[0][1]],
        "restart": lambda text: [moments([text])[0][1]],
        "pause": lambda text: [pauses([text])[0][1]],
        "slow_down": lambda text: slow_phases([text])[0][1:3],
        "drop_out": lambda text: [drop_outs([text])[0][1]],
    }
    for key, rounds_of in reached.items():
        for text in getattr(faults, key):
            if not all(1 <= round <= rounds for round in rounds_of(text)):
                raise ValueError(f'faults.{key} says "{text}": choose a round from 1 to {rounds}')
    for text in faults.slow_down:
        _, first, last, _ = slow_phases([text])[0]
        if last < first:
            raise ValueError(f'faults.slow_down says "{text}": let it end after it began')
    for cut in faults.partition:
        if cut.last is not None and cut.last > rounds:
            raise ValueError(f"faults.partition heals in round {cut.last}: choose one from 1 to {rounds}")
    _check_lives(faults)


def _check_lives(faults: FaultsSettings) -> None:
    """Ends and restarts of one peer take turns."""
    lives: dict[int, list[tuple[int, bool, str]]] = {}
    for key in ("kill", "leave", "restart"):
        for text in getattr(faults, key):
            peer, round = moments([text])[0]
            lives.setdefault(peer, []).append((round, key == "restart", f'faults.{key} says "{text}"'))
    for peer, fates in lives.items():
        before: tuple[int, bool] = (0, True)
        for round, restarts, says in sorted(fates):
            if restarts == before[1] and restarts:
                raise ValueError(f"{says}: kill peer {peer} in an earlier round")
            if restarts == before[1] or round == before[0]:
                raise ValueError(f"{says}: peer {peer} is gone by then, so restart it in an earlier round")
            before = round, restarts
