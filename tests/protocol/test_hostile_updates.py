"""Whatever a listed member says in due form, a peer stays finite and answers in measure."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from gossipfl.draws import Draws
from gossipfl.learn.algorithms.links import flowed
from gossipfl.learn.compressors import COMPRESSORS
from gossipfl.learn.contracts import ONE, Algorithm, Array, Compressed, Heard, Payload
from gossipfl.learn.registry import ALGORITHMS, build_algorithm
from gossipfl.protocol.admission import VALUE_MAX, check_values
from gossipfl.protocol.correspondence import corresponding
from gossipfl.protocol.events import (
    Effect,
    Event,
    Joined,
    Left,
    Note,
    Received,
    RoundClosed,
    Send,
    SetTimer,
    Started,
    TimerFired,
    Train,
    Trained,
)
from gossipfl.protocol.exchanges import Exchange
from gossipfl.protocol.free_peer import FreePeer, Trains
from gossipfl.protocol.messages import Ask, Begun, Message, Missed, Update
from gossipfl.protocol.round_peer import Phase, RoundPeer
from gossipfl.protocol.targets import Neighbours

ROUNDS = 1000
SIZE = 11
START = np.linspace(-1.0, 1.0, SIZE)
HOSTILE = (1, 2, 3)
SCENES = [
    pytest.param(name, compressor, id=f"{name}-{compressor}" if compressor else name)
    for name, method in ALGORITHMS.items()
    for compressor in (COMPRESSORS if "compressor" in method.needs else (None,))
]
FREE = [name for name, method in ALGORITHMS.items() if not method.needs]
MAGNITUDES = (0.0, 1e-300, 1e-30, 1e-3, 1.0, 1e3, 1e10, VALUE_MAX)


class Attack:
    """One peer, and neighbours that say whatever fits the layouts, by the numbers of one generator."""

    def __init__(self, algorithm: Algorithm[Any], vector: Array, peer: RoundPeer | FreePeer) -> None:
        self.peer = peer
        self.told: Counter[tuple[int, int]] = Counter()  # updates by round and receiver
        self.asked = self.rounds = 0
        self._algorithm = algorithm
        self._vector = vector
        self._layouts = corresponding(algorithm, vector).layouts
        self._random = np.random.default_rng(1)
        self._sequences = dict.fromkeys(HOSTILE, 0)
        self._epochs = dict.fromkeys(HOSTILE, 0)
        self._now = 0.0
        self._timer = SetTimer(0, 0.0)
        self._trained = Trained(vector)
        self._trains = False

    def run(self, rounds: int) -> None:
        """Say a few things before each training ends, and some more before each round does."""
        self.tell(Started(), *map(Joined, HOSTILE))
        while self.rounds < rounds:
            self._speak(1)
            self.tell(self._trained)
            self._speak(4)
            while isinstance(self.peer, RoundPeer) and self.peer.phase is Phase.WAITING:
                self._now += self._timer.delay_s
                self.tell(TimerFired(self._timer.timer))

    def run_free(self, turns: int) -> None:
        """Say something, and let what training and timers are due end now and then."""
        self.tell(Started(), *map(Joined, HOSTILE))
        for _ in range(turns):
            self._speak(2)
            self._now += 0.2
            if self._trains:
                self._trains = False
                self.tell(self._trained)
            elif self._timer.delay_s:
                self.tell(TimerFired(self._timer.timer))

    def _speak(self, times: int) -> None:
        for _ in range(times):
            sender = int(self._random.choice(HOSTILE))
            self._now += 0.01
            if self._random.random() < 0.02:
                self.tell(Left(sender), Joined(sender))
            else:
                self.tell(Received(sender, self._message(sender)))

    def tell(self, *events: Event) -> None:
        for event in events:
            for effect in self.peer.handle(event, self._now):
                self._mind(effect)
            assert np.isfinite(self.peer.model).all()

    def _mind(self, effect: Effect) -> None:
        match effect:
            case Train(vector):
                assert np.isfinite(vector).all()
                self._trains = True
                self._trained = Trained((vector * 0.5 + 1).astype(vector.dtype))
            case SetTimer():
                self._timer = effect
            case Note(RoundClosed()):
                self.rounds += 1
            case Send(to, Update(round)):
                self.told[round, to] += 1

    def _message(self, sender: int) -> Message:
        kind = self._random.random()
        if kind < 0.06:
            return Missed()
        if kind < 0.1:
            self.asked += 1
            return Ask()
        if kind < 0.14:
            return Begun(max(1, self.peer.round + int(self._random.integers(-2, 3))))
        self._sequences[sender] += 1 + (self._random.random() < 0.1)
        if self._random.random() < 0.03:
            self._epochs[sender] += int(self._random.integers(1, 1 << 40))
        round_ = self.peer.round + int(self._random.choice((0, 0, 0, 0, 0, 1, -1)))
        whole, asks = self._random.random() < 0.2, self._random.random() < 0.1
        self.asked += asks
        return Update(
            min(max(round_, 1), ROUNDS),
            self._epochs[sender],
            self._sequences[sender],
            int(self._random.choice((1, 10, 1 << 40))),
            int(self._random.choice((1, 3, 1 << 20))),
            self._payload(whole),
            whole,
            asks=asks,
        )

    def _payload(self, whole: bool) -> Payload:
        """What an honest peer in a mad state would say, or anything else of the layout."""
        layout = self._layouts[whole]
        if self._random.random() < 0.3:
            return tuple(self._anything(shape, dtype) for shape, dtype in layout)
        said = self._words(whole)
        if self._random.random() < 0.3:
            place = int(self._random.integers(len(said)))
            said = tuple(
                self._anything(part.shape, part.dtype) if index == place else part
                for index, part in enumerate(said)
            )
        return said

    def _words(self, whole: bool) -> Payload:
        mad = self._anything((SIZE,), self._vector.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            state = self._algorithm.learned(self._algorithm.start(self._vector, ONE), mad)
            draws = Draws(0, 1, int(self._random.integers(1, 1000)))
            payload, state = self._algorithm.speak(state, np.asarray(0.25), draws)
            if whole and isinstance(self._algorithm, Compressed):
                payload = self._algorithm.whole(state)
        return payload

    def _anything(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        if dtype.kind != "f":
            size = int(np.prod(shape)) * dtype.itemsize
            return np.frombuffer(self._random.bytes(size), dtype).reshape(shape)
        scale = self._random.choice(MAGNITUDES, 1 if self._random.random() < 0.7 else shape)
        sign = self._random.choice((-1.0, 1.0), shape)
        with np.errstate(over="ignore", under="ignore"):
            return np.broadcast_to(scale * sign, shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "compressor"), SCENES)
def test_no_words_of_due_form_stop_a_peer_or_make_it_infinite(
    name: str, compressor: str | None, dtype: str
) -> None:
    algorithm, vector = build_algorithm(name, compressor=compressor), START.astype(dtype)
    peer = RoundPeer(0, algorithm, vector, Neighbours(HOSTILE), rounds=ROUNDS, samples=10, seed=0)
    attack = Attack(algorithm, vector, peer)
    attack.run(25)
    assert max(attack.told.values()) <= 1


@pytest.mark.parametrize("trains", ["always", "on-hearing"])
@pytest.mark.parametrize("exchange", ["push", "pull", "push-pull"])
@pytest.mark.parametrize("name", FREE)
def test_a_peer_at_its_own_pace_stays_finite_and_answers_each_question_once(
    name: str, exchange: Exchange, trains: Trains
) -> None:
    algorithm, vector = build_algorithm(name), START.astype(np.float32)
    shared: dict[str, Any] = {"rounds": ROUNDS, "samples": 10, "seed": 0, "period_s": 1.0}
    peer = FreePeer(0, algorithm, vector, Neighbours(HOSTILE), exchange=exchange, trains=trains, **shared)
    attack = Attack(algorithm, vector, peer)
    attack.run_free(150)
    assert attack.rounds > 10
    assert attack.told.total() <= attack.asked + attack.rounds + 1


@pytest.mark.parametrize("name", [name for name, method in ALGORITHMS.items() if method.takes("compressor")])
def test_whoever_cannot_follow_is_told_the_whole_once_a_round_however_often_it_says_so(name: str) -> None:
    algorithm = build_algorithm(name, compressor="int8")
    peer = RoundPeer(0, algorithm, START, Neighbours((1,)), rounds=ROUNDS, samples=10, seed=0)
    for event in (Started(), Joined(1)):
        peer.handle(event, 0.0)
    now = 0.0
    for _ in range(4):
        assert not any(peer.handle(Received(1, Missed()), now) for _ in range(100))
        sent = [effect.message for effect in peer.handle(Trained(START), now) if isinstance(effect, Send)]
        assert [message.whole for message in sent if isinstance(message, Update)] == [True]
        asked = [effect for _ in range(100) for effect in peer.handle(Received(1, Ask()), now)]
        assert not any(isinstance(effect, Send) for effect in asked)
        while peer.phase is Phase.WAITING:
            now += 100
            peer.handle(TimerFired(peer.round), now)


@pytest.mark.parametrize("name", ["partitioned", "sampled"])
def test_no_age_heard_makes_our_own_words_too_large_to_be_taken(name: str) -> None:
    algorithm = build_algorithm(name)
    state = algorithm.start(np.zeros(SIZE))
    said, _ = algorithm.speak(state, ONE, Draws(0))
    heard = (*(part[None] for part in said[:-1]), np.full((1, 1), VALUE_MAX))
    state = algorithm.listen(state, Heard(heard, np.array([0.5]), np.asarray(0.5)))
    said, _ = algorithm.speak(algorithm.learned(state, np.ones(SIZE)), ONE, Draws(0))
    for part in said:
        check_values(part)


def test_a_count_below_nothing_neither_takes_mass_nor_turns_the_model() -> None:
    for name in ("push-sum", "gradient-tracking"):
        algorithm = build_algorithm(name)
        state = algorithm.start(np.ones(SIZE))
        said, state = algorithm.speak(state, np.asarray(0.5), Draws(0))
        kept = 0.5
        stolen = (*(part[None] * 0 for part in said[:-1]), np.full((1, 1), -kept + 1e-12))
        state = algorithm.listen(state, Heard(stolen, np.array([0.0]), ONE))
        after, _ = algorithm.speak(algorithm.learned(state, np.ones(SIZE)), np.asarray(0.5), Draws(0))
        assert after[-1] == kept / 2


def test_a_width_below_nothing_lets_nothing_flow() -> None:
    mine, theirs = np.zeros(SIZE), np.full(SIZE, VALUE_MAX)
    told, held = (mine, mine, np.ones(1)), (theirs, mine, np.full(1, -VALUE_MAX))
    assert not flowed(told, held).any()
