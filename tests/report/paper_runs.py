"""Runs that nobody ran, drawn from a seed: what the tests of the report read."""

from __future__ import annotations

from typing import Any

import numpy as np

from gossipfl.report.run import Run


def paper_run(
    peers: int = 8,
    rounds: int = 30,
    *,
    killed: tuple[int, ...] = (2, 5),
    metric: str = "accuracy",
    seed: int = 1,
    degree: int = 2,
    end: float = 0.965,
    diverges_at: int | None = None,
) -> Run:
    """A ring (or a ring with more links) whose peers learn, lose messages, and are killed half-way."""
    draws = np.random.default_rng(seed)
    start = 0.1 if metric == "accuracy" else -0.9
    skill = draws.normal(0, 0.006, peers)
    kill_round = {peer: rounds // 2 + (i % 2) * rounds // 8 for i, peer in enumerate(killed)}
    records: list[dict[str, Any]] = []
    sent = lost = 0
    scores = np.zeros(peers)
    for at in range(rounds + 1):
        alive = [peer for peer in range(peers) if at < kill_round.get(peer, rounds + 1)]
        scores = (
            end - (end - start) * np.exp(-at / (rounds / 7 + 0.1)) + skill + draws.normal(0, 0.004, peers)
        )
        if diverges_at is not None and at >= diverges_at:
            scores[:] = np.nan
        sent += len(alive) * degree * (at > 0)
        lost += int(draws.binomial(len(alive) * degree, 0.02)) * (at > 0)
        time_s = 0.4 * at
        for peer in alive:
            records.append(
                {
                    "kind": "evaluation",
                    "peer": peer,
                    "round": at,
                    "time_s": time_s,
                    metric: float(scores[peer]),
                }
            )
            gone = sum((peer + step) % peers not in alive for step in (-1, 1))
            told = {"duration_s": 0.4, "heard": degree - gone, "missing": gone, "stale": int(at % 9 == 1)}
            records.append({"kind": "round", "peer": peer, "round": at, "time_s": time_s, **told})
        records.append(
            {
                "kind": "network",
                "round": at,
                "time_s": time_s,
                f"{metric}_mean": float(np.mean(scores[alive])),
                f"{metric}_worst": float(np.min(scores[alive])),
                f"{metric}_averaged_model": float(np.mean(scores[alive]) + 0.006),
                "consensus_distance": 0.0 if at == 0 else float(3 * np.exp(-at / 9) + 0.02),
                "bytes_sent": sent * 2730,
                "messages_sent": sent,
                "messages_lost": lost,
            }
        )
    last = records[-1]
    done = [peer for peer in range(peers) if peer not in killed]
    names = [f"peer-{peer}" for peer in range(peers)]
    edges = [[i, (i + step) % peers] for i in range(peers) for step in range(1, degree // 2 + 1)]
    summary = {
        "engine": "network",
        "peers": peers,
        "finished": len(done),
        "rounds": rounds,
        "metric": metric,
        **{key: last[key] for key in last if key.startswith(metric)},
        f"{metric}_per_peer": [float(scores[i]) if i in done else None for i in range(peers)],
        **{key: last[key] for key in ("consensus_distance", "bytes_sent", "messages_sent", "messages_lost")},
        "refused": {"non-finite": 3, "unknown-key": 1},
        "spectral_gap": 0.0976,
        "wall_s": 3.4,
        "seed": seed,
        "trace_hash": "9f2c51d07be4a613",
        "killed": list(killed),
        "out": "runs/ring-8",
        "command": "gossipfl simulate ring-8 --kill 2@15 --kill 5@18",
    }
    settings = {
        "run": {"name": f"ring-{peers}", "seed": seed},
        "topology": {"name": "ring", "peers": peers},
        "learning": {"rounds": rounds, "rate": 0.1, "batch": 32},
        "data": {"name": "digits", "split": "iid"},
    }
    return Run(settings, records, summary, {"names": names, "edges": edges})


def paper_crowd(
    peers: int = 1_000_000,
    judged: int = 100,
    rounds: int = 30,
    *,
    killed: dict[int, int] | None = None,
    end: float = 0.93,
    seed: int = 1,
) -> Run:
    """A crowd on a random graph, of whom a sample is judged; `killed` tells in which round each was."""
    draws = np.random.default_rng(seed)
    sample = sorted(draws.choice(peers, judged, replace=False).tolist())
    skill, dead = draws.normal(0, 0.008, judged), killed or {}
    records: list[dict[str, Any]] = [
        {"kind": "killed", "peer": peer, "time_s": (at - 1) * 1.0} for peer, at in dead.items()
    ]
    for at in range(rounds + 1):
        scores = end - (end - 0.1) * np.exp(-at / (rounds / 7)) + skill + draws.normal(0, 0.002, judged)
        living = [i for i, peer in enumerate(sample) if at < dead.get(peer, rounds + 1)]
        for i in living:
            told = {"accuracy": float(scores[i]), "loss": 0.3}
            records.append(
                {"kind": "evaluation", "peer": sample[i], "time_s": float(at), "round": at, **told}
            )
        figures = {"accuracy_averaged_model": float(end - (end - 0.1) * np.exp(-at / (rounds / 7)) + 0.02)}
        if living:
            figures["accuracy_mean"] = float(scores[living].mean())
            figures["accuracy_worst"] = float(scores[living].min())
            figures["consensus_distance"] = 0.0 if at == 0 else float(3 * np.exp(-at / 9) + 0.02)
        traffic = {"messages_sent": at * peers * 10, "bytes_sent": at * peers * 26_700, "messages_lost": 0}
        records.append({"kind": "network", "round": at, "time_s": float(at), **figures, **traffic})
    ends = {r["peer"]: r["accuracy"] for r in records if r["kind"] == "evaluation" and r["round"] == rounds}
    summary: dict[str, Any] = {
        "engine": "crowd",
        "kernels": "compiled",
        "peers": peers,
        "finished": peers - len(dead),
        "rounds": rounds,
        "metric": "accuracy",
        **figures,
        "judged": sample,
        "accuracy_per_peer": [ends.get(peer) for peer in sample],
        **traffic,
        "killed": sorted(dead),
        "refused": {},
        "spectral_gap": None,
        "seed": seed,
        "virtual_s": float(rounds),
        "wall_s": 1325.0,
        "trace_hash": "9f2c51d07be4a6139f2c51d07be4a613",
    }
    settings = {
        "topology": {"kind": "k-regular", "peers": peers, "degree": 10},
        "data": {"dataset": "digits", "split": "bootstrap", "samples": 64},
        "learning": {"algorithm": "dpsgd", "rounds": rounds},
        "run": {"name": "crowd", "seed": seed, "engine": "crowd"},
    }
    graph = {
        "name": "k-regular",
        "peers": peers,
        "edges": 5 * peers,
        "degree_min": 10,
        "degree_mean": 10.0,
        "degree_max": 10,
    }
    return Run(settings, records, summary, graph)
