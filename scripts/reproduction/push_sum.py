"""R4: on one-way links push-sum finds the true mean; with running sums also where messages are lost.

Kempe, Dobra and Gehrke (FOCS 2003), "Gossip-based computation of aggregate information"; Hadjicostis, Vaidya
and Dominguez-Garcia (IEEE Trans. Autom. Control 2016) for the running sums.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gossipfl import Draws
from gossipfl.learn.algorithms.dpsgd import Dpsgd
from gossipfl.learn.algorithms.push_sum import PushSum, PushSumState
from gossipfl.learn.contracts import ONE, Array, Heard, Link, Payload
from gossipfl.topology.mixing import completed
from gossipfl.topology.schedule import Schedule, repeating
from reproduction import plots
from reproduction.gossiping import Gossip
from reproduction.outcome import Findings, Outcome, Results, Setting, Work

PEERS, OUT, LENGTH = 20, 3, 16
ROUNDS, LOSSY_ROUNDS = 60, 600
LOSSES = (0.1, 0.3)
CLOSE, SEEN = 1e-10, 1e-13
GRAPHS = 20


@dataclass
class Naive:
    """Push-sum as it was first published: what a lost message carried is lost. Notes what is held."""

    inner: PushSum = field(default_factory=PushSum)
    held: list[tuple[float, Array]] = field(default_factory=list)

    def start(self, vector: Array, mass: Array = ONE) -> PushSumState:
        """As push-sum."""
        return self.inner.start(vector, mass)

    def model(self, state: PushSumState) -> Array:
        """As push-sum."""
        return self.inner.model(state)

    def learned(self, state: PushSumState, vector: Array) -> PushSumState:
        """As push-sum."""
        return self.inner.learned(state, vector)

    def speak(self, state: PushSumState, share: Array, draws: Draws) -> tuple[Payload, PushSumState]:
        """As push-sum."""
        return self.inner.speak(state, share, draws)

    def listen(self, state: PushSumState, heard: Heard) -> PushSumState:
        """As push-sum."""
        state = self.inner.listen(state, heard)
        self.held.append((float(state.weight), state.weight * state.vector))
        return state


class Summing(Naive):
    """The same over links that carry running sums."""

    @property
    def link(self) -> Link:
        """That of push-sum."""
        return self.inner.link


def plan(setting: Setting) -> list[Work]:
    """One run without loss, the rest with."""
    lossy = [
        Work(f"{kind.__name__} {loss:g}", lossy_error, (kind, loss), 6.0)
        for loss in (LOSSES[-1:] if setting.quick else LOSSES)
        for kind in (Naive, Summing)
    ]
    return [Work("faultless", faultless, (), 1.0), Work("factors", factors, (), 4.0), *lossy]


def digraph(seed: int = 0) -> tuple[Schedule, NDArray[np.float64]]:
    """Each speaks to OUT others drawn at random; and the matrix of what it gives."""
    order = Draws(seed, np.arange(PEERS)).permutation("digraph", PEERS - 1)[:, :OUT]
    theirs = np.repeat(np.arange(PEERS), OUT)
    mine = ((order + 1 + np.arange(PEERS)[:, None]) % PEERS).ravel()
    heard = np.bincount(mine, minlength=PEERS)
    rows = completed(PEERS, mine, theirs, 1.0 / (heard[mine] + 1))
    given = np.eye(PEERS)
    given[mine, theirs] = 1.0
    return repeating("digraph", [rows], finite_time=False), given / (OUT + 1)


def faultless() -> dict[str, Any]:
    """Distances to the true mean by round, of push-sum and of plain averaging; what is held at the end."""
    schedule, given = digraph()
    algorithm = Summing()
    pushed = _gossip(algorithm, schedule, ROUNDS, 0.0)
    averaged = _gossip(Dpsgd(), schedule, ROUNDS, 0.0)
    last = algorithm.held[-PEERS:]
    return {
        "errors": np.array(pushed.measured),
        "averaged": np.array(averaged.measured),
        "second": _second(given),
        "weights": abs(sum(weight for weight, _ in last) - PEERS),
        "mass": float(np.abs(sum(mass for _, mass in last) - starts().sum(axis=0)).max()),
    }


def factors() -> list[tuple[float, float]]:
    """Factor per round and second eigenvalue of what is given, of the first GRAPHS that are connected."""
    found = []
    connected = (pair for pair in map(digraph, count()) if _is_connected(pair[1]))
    for schedule, given in islice(connected, GRAPHS):
        errors = np.array(_gossip(PushSum(), schedule, ROUNDS, 0.0).measured)
        seen = np.flatnonzero(errors > SEEN)
        late = seen[len(seen) // 2 :]
        found.append((float(np.exp(np.polyfit(late, np.log(errors[late]), 1)[0])), _second(given)))
    return found


def _is_connected(given: NDArray[np.float64]) -> bool:
    """Whether what each holds reaches everybody."""
    return bool((np.linalg.matrix_power(given, PEERS) > 0).all())


def _second(given: NDArray[np.float64]) -> float:
    return float(np.sort(np.abs(np.linalg.eigvals(given)))[-2])


def lossy_error(kind: type[Naive], loss: float) -> dict[str, Any]:
    """max |z - mean| by round while links lose updates, and at the end, whoever fell behind on the way."""
    gossip = _gossip(kind(), digraph()[0], LOSSY_ROUNDS, loss)
    return {"errors": gossip.measured, "last": gossip.measure(gossip.vectors)}


def starts() -> NDArray[np.float64]:
    """Where the peers begin."""
    return Draws(2).normal("starts", PEERS * LENGTH).reshape(PEERS, LENGTH)


def _gossip(algorithm: Any, schedule: Schedule, rounds: int, loss: float) -> Gossip:
    first = starts()
    mean = first.mean(axis=0)
    return Gossip(
        algorithm, first, schedule, rounds, lambda vectors: float(np.abs(vectors - mean).max()), loss=loss
    ).run()


def conclude(results: Results) -> Findings:
    """The rate, the mass, and the errors under loss."""
    clean = results["faultless"]
    losses = [loss for loss in LOSSES if f"Naive {loss:g}" in results]
    lossy = [
        _lossy_row(loss, kind, results[f"{kind.__name__} {loss:g}"])
        for loss in losses
        for kind in (Naive, Summing)
    ]
    lines = [
        plots.Line(
            "no loss", clean["errors"], law=clean["errors"][0] * clean["second"] ** np.arange(ROUNDS + 1)
        ),
        plots.Line("plain averaging, no loss", clean["averaged"]),
        *(
            plots.Line(f"{words}, {loss:.0%} lost", results[f"{kind} {loss:g}"]["errors"][:150])
            for loss in losses
            for kind, words in (("Naive", "no running sums"), ("Summing", "running sums"))
        ),
    ]
    figure = plots.decays(
        "Running sums find the true mean though messages are lost",
        "Largest distance of a peer from the true mean, by round. Lower is better.",
        lines,
    )
    return Findings([*_clean_rows(results), *lossy], {"r4-push-sum.png": figure})


def _clean_rows(results: Results) -> list[Outcome]:
    clean = results["faultless"]
    errors = clean["errors"]
    close = int(np.argmax(errors < CLOSE))
    ratios = [factor / second for factor, second in results["factors"]]
    mean = float(np.mean(ratios))
    graph = f"random digraphs of {PEERS} peers, {OUT} out"
    wrong = float(clean["averaged"][-1])
    return [
        Outcome(
            f"Push-sum on {GRAPHS} connected {graph}: factor per round / second eigenvalue of what is given",
            f"{mean:.4f} in the mean, {min(ratios):.3f} to {max(ratios):.3f}",
            "mean 1 within 1 %",
            abs(mean - 1) < 0.01,
            ".5796 / .5789, one graph",
        ),
        Outcome(
            f"All peers are within {CLOSE:g} of the true mean",
            f"after {close} rounds",
            f"≤ {ROUNDS} rounds",
            0 < close <= ROUNDS,
            "44 rounds",
        ),
        Outcome(
            "All weights together stay the number of peers",
            f"off by {clean['weights']:.1e}",
            "< 1e-12",
            clean["weights"] < 1e-12,
        ),
        Outcome(
            "All mass together stays what it was",
            f"off by {clean['mass']:.1e}",
            "< 1e-12",
            clean["mass"] < 1e-12,
        ),
        Outcome(
            "Plain averaging on the same graph agrees on a wrong value",
            f"off by {wrong:.3f}",
            "> 0.01",
            wrong > 0.01,
            ".072",
        ),
    ]


def _lossy_row(loss: float, kind: type[Naive], found: dict[str, Any]) -> Outcome:
    last, known = found["last"], {0.1: (".058", "5.0e-13"), 0.3: (".103", "4.0e-13")}[loss]
    if kind is Naive:
        words = f"Without running sums push-sum is wrong where {loss:.0%} of messages are lost"
        return Outcome(words, f"off by {last:.3f}", "> 0.01", last > 0.01, known[0])
    words = f"Running sums are right after {LOSSY_ROUNDS} rounds, {loss:.0%} of messages lost"
    return Outcome(words, f"off by {last:.1e}", "< 1e-11", last < 1e-11, known[1])
