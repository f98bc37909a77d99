"""The workloads of `scripts/bench`: each repeated in turn with the others, medians printed as a table.

The machine's own peaks are measured in the same run, so that a figure can be read as a share of them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import gossipfl
from gossipfl.draws import Draws
from gossipfl.learn.contracts import Samples

Figures = dict[str, float]

REPEATS = 5
PEERS = 1_000
SAMPLES = 64


def sgemm_peak() -> Figures:
    """The floating-point peak of one thread."""
    left = np.ones((2_048, 2_048), np.float32)
    seconds = timed(lambda: left @ left)
    return {"seconds": seconds, "gflop_per_s": 2 * 2_048**3 / seconds / 1e9}


def copy_peak() -> Figures:
    """The bandwidth of a copy, bytes read and bytes written."""
    source = np.zeros(1 << 27, np.uint8)
    target = np.empty_like(source)
    seconds = timed(lambda: np.copyto(target, source))
    return {"seconds": seconds, "gb_per_s": 2 * source.nbytes / seconds / 1e9}


def softmax_fit() -> Figures:
    """1,000 peers with 64 bootstrapped digits each, two steps of 32."""
    return _fit(gossipfl.softmax(64, 10), 4 * 64 * 10)


def mlp_fit() -> Figures:
    """The same with one hidden layer of 64."""
    return _fit(gossipfl.mlp(64, 10, (64,)), 4 * 64 * (64 + 10) + 2 * 64 * 10)


def _fit(model: gossipfl.Model, flop_per_sample: int) -> Figures:
    """`flop_per_sample`: two per weight forward, two for its gradient, two backward to a hidden layer."""
    digits = gossipfl.load_dataset("digits")
    rows = Draws(0, np.arange(PEERS)).integers("bootstrap", SAMPLES, len(digits))
    samples = Samples(digits.features.astype(np.float32), digits.targets, rows, np.full(PEERS, SAMPLES))
    vectors = model.start(Draws(0, np.arange(PEERS)))
    seconds = timed(lambda: model.fit(vectors, samples, Draws(0, np.arange(PEERS), 1)))
    flop = flop_per_sample * SAMPLES * PEERS
    return {"seconds": seconds, "us_per_peer": seconds / PEERS * 1e6, "gflop_per_s": flop / seconds / 1e9}


def network() -> Figures:
    """100 peers, 8-regular, 50 rounds of digits over links of 20 to 80 ms, in virtual time."""
    experiment = gossipfl.read_experiment("regular-100", ["run.evaluate_every=50"])
    messages = 0

    def run() -> None:
        nonlocal messages
        messages = gossipfl.simulate(experiment).summary["messages_sent"]

    seconds = timed(run)
    return {"seconds": seconds, "us_per_message": seconds / messages * 1e6}


def wire() -> Figures:
    """Sign, frame, parse and verify one update of 4 MB between two sessions."""
    from gossipfl.protocol.identity import Identity
    from gossipfl.protocol.layout import layout_of
    from gossipfl.protocol.manifest import Manifest
    from gossipfl.protocol.messages import Update
    from gossipfl.protocol.session import Session, Speaker

    payload = (np.ones(1_000_000, np.float32),)
    manifest = Manifest.of("bench", 10, layout_of(payload))
    one, other = (Speaker(Identity.new(), name, 1, manifest) for name in ("one", "other"))
    dialler = Session(one, other.identity.key, dialled=True)
    acceptor = Session(other, one.identity.key, dialled=False)
    list(acceptor.receive(dialler.hello()))
    list(dialler.receive(acceptor.accept()))

    def send() -> None:
        for piece in dialler.update(Update(1, 1, 1, 1, 1, payload)):
            list(acceptor.receive(piece))

    seconds = timed(send)
    return {"seconds": seconds, "mb_per_s": payload[0].nbytes / seconds / 1e6}


def start() -> Figures:
    """The processor time of `import gossipfl` and of `gossipfl --help`."""
    return {
        "import_cpu_s": _cpu_s("-c", "import gossipfl"),
        "help_cpu_s": _cpu_s("-m", "gossipfl", "--help"),
    }


def _cpu_s(*words: str) -> float:
    before = os.times()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


WORKLOADS: dict[str, Callable[[], Figures]] = {
    "sgemm-peak": sgemm_peak,
    "copy-peak": copy_peak,
    "softmax-fit": softmax_fit,
    "mlp-fit": mlp_fit,
    "network": network,
    "wire": wire,
    "start": start,
}


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes, after one run that does not count."""
    work()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Run the workloads asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--out", type=Path, help="also write one JSON line per run and workload")
    given = parser.parse_args()
    names = given.workloads or list(WORKLOADS)
    if unknown := [name for name in names if name not in WORKLOADS]:
        parser.error(f"there is no workload {unknown[0]!r}; known are {', '.join(WORKLOADS)}")
    measured: dict[str, list[Figures]] = {name: [] for name in names}
    with given.out.open("w", encoding="utf-8") if given.out else contextlib.nullcontext() as out:
        for repeat in range(REPEATS):
            for name in names:
                _progress(f"{repeat + 1} of {REPEATS}: {name}")
                measured[name].append(figures := WORKLOADS[name]())
                if out:
                    out.write(json.dumps({"workload": name, "repeat": repeat, **figures}) + "\n")
    _progress("")
    _print_table({name: _medians(runs) for name, runs in measured.items()})


def _progress(words: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{words:<40}\r", end="", file=sys.stderr, flush=True)


def _medians(runs: list[Figures]) -> Figures:
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def _print_table(medians: dict[str, Figures]) -> None:
    peak = medians.get("sgemm-peak", {}).get("gflop_per_s")
    print("| workload | figures (median of 5) |\n|---|---|")
    for name, figures in medians.items():
        words = [f"{value:.3g} {key}" for key, value in figures.items()]
        if peak and "gflop_per_s" in figures and name != "sgemm-peak":
            words.append(f"{figures['gflop_per_s'] / peak:.1%} of the sgemm peak")
        print(f"| {name} | {', '.join(words)} |")


if __name__ == "__main__":
    main()
