"""One run as one HTML file that needs nothing else: no network, no script, light and dark.

Rule: every word that comes from a run passes through `html.escape`, for peers choose their own names.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from gossipfl.report.choices import EVERY_PEER, NO_COMPRESSOR, choices
from gossipfl.report.curves import metric_of
from gossipfl.report.findings import findings
from gossipfl.report.peers import (
    attackers_of,
    honest_count,
    is_sampled,
    judged_peers,
    peer_count,
    planned_rounds,
)
from gossipfl.report.run import Run, plain
from gossipfl.report.table import PEER_HEADINGS, diverged_sentence, figure, peer_rows, summary_rows
from gossipfl.report.words import NOTHING, count, duration, metric_label, score, size

PEERS_SHOWN_MAX = 200
_LETTERS_MAX = 2_000
"""Of a value: thousands of faults in one setting would be the page."""
_NUMBERS = (0, 3, 4, 5, 6, 7)
MEANINGS = {
    "Consensus distance": "the mean squared distance of models from their average, 0 where all are the same",
    "Spectral gap": "how fast the graph mixes: what models differ in shrinks by at least this share in each "
    "round, if they only average; 0 is never, 1 at once",
}
"""Of figures whose names say little to who does not know them."""
_ENGINES = {
    "network": "simulated in virtual time",
    "crowd": "simulated as a crowd",
    "up": "run by real processes",
    "node": "seen by one node",
    "baseline-local": "a baseline: each peer trains alone",
    "baseline-pooled": "a baseline: one model, trained on the rows of all peers",
    "baseline-fedavg": "a baseline: a server averages what peers train",
}


def run_page(run: Run, plots: dict[str, bytes]) -> str:
    """The page of a run; `plots` maps the names of its `findings` to PNG bytes."""
    told = findings(run)
    parts = [
        f'<p class="lead">{escape(_lead(run))}</p>',
        *notes(run),
        *(f'<p class="note">{escape(told)}</p>' for told in [diverged_sentence(run)] if told),
        cards(_figures(run)),
        "<h2>What happened</h2>",
        figures((plots[name], finding) for name, finding in told.items()),
        "<h2>Key figures</h2>",
        table((), summary_rows(run)),
        *_meanings(name for name, _ in summary_rows(run)),
        *(["<h2>Peers</h2>", _peers(run)] if judged_peers(run) else []),
        "<h2>Settings</h2>",
        table((), flat(run.settings)) if run.settings else "<p>No settings were recorded.</p>",
    ]
    command = run.summary.get("command")
    if isinstance(command, str) and command:
        parts += ["<h2>Run it again</h2>", f"<pre>{escape(command)}</pre>"]
    return document(run.name, parts)


def _meanings(names: Iterable[str]) -> list[str]:
    return [f"<p>{name}: {MEANINGS[name]}.</p>" for name in names if name in MEANINGS]


def document(title: str, parts: Iterable[str]) -> str:
    """A whole HTML document around its parts."""
    css = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)} · gossipfl</title>\n<style>\n{css}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</main>\n</body>\n</html>\n"
    )


def notes(run: Run) -> list[str]:
    """What could not be read, where the reader sees it first."""
    return [f'<p class="note">{escape(note)}</p>' for note in run.notes]


def cards(pairs: Iterable[tuple[str, str]]) -> str:
    """(label, value) pairs as large figures."""
    inner = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for label, value in pairs)
    return f'<dl class="cards">{inner}</dl>'


def figures(pictures: Iterable[tuple[bytes, str]]) -> str:
    """(PNG, alternative text) pairs, embedded."""
    return '<div class="plots">' + "".join(_figure(png, alt) for png, alt in pictures) + "</div>"


def _figure(png: bytes, alt: str) -> str:
    data = b64encode(png).decode("ascii")
    return f'<figure><img src="data:image/png;base64,{data}" alt="{escape(alt)}"></figure>'


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
    marked: bool = False,
) -> str:
    """Rows whose first cell names them; columns `numbers` stand right; `marked` tints every value."""
    align = dict.fromkeys(numbers, ' class="number"')
    head = "".join(f"<th{align.get(i, '')}>{escape(h)}</th>" for i, h in enumerate(headings))
    cell = ' class="differs"' if marked else ""
    body = "".join(
        f'<tr><th scope="row"{align.get(0, "")}>{escape(row[0])}</th>'
        + "".join(f"<td{align.get(i, cell)}>{escape(_cut(value))}</td>" for i, value in enumerate(row[1:], 1))
        + "</tr>"
        for row in rows
    )
    kind = "grid" if headings else "pairs"
    thead = f"<thead><tr>{head}</tr></thead>" if headings else ""
    return f'<div class="wide"><table class="{kind}">{thead}<tbody>{body}</tbody></table></div>'


def _cut(value: str) -> str:
    return value if len(value) <= _LETTERS_MAX else f"{value[:_LETTERS_MAX]} … and so on"


def flat(settings: object, prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (`section.key`, value) rows."""
    if not isinstance(settings, dict):
        return [(prefix, _value(settings))]
    return [
        row for key, item in settings.items() for row in flat(item, f"{prefix}.{key}" if prefix else str(key))
    ]


def _value(value: object) -> str:
    value = plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value) or "none"
    return str(value)


def _lead(run: Run) -> str:
    engine = run.summary.get("engine")
    seed = run.summary.get("seed")
    peers = f"{count(run.summary.get('peers'))} peers"
    told = [
        findings(run)["graph"] if run.is_of_one_node else peers,
        _chosen(run),
        f"{count(planned_rounds(run))} rounds",
        _ENGINES.get(str(engine), str(engine)) if engine else None,
        _asked(run),
        f"seed {seed}" if seed is not None else None,
        duration(figure(run, "wall_s")),
    ]
    return " · ".join(word for word in told if word and not word.startswith(NOTHING))


def _chosen(run: Run) -> str:
    """The graph, the algorithm and the compressor of gossip."""
    chosen = choices(run)
    told = [word for word in (chosen.get("Topology"), chosen.get("Algorithm")) if word]
    compressor = chosen.get("Compressor", NO_COMPRESSOR)
    return " · ".join(told) + (f" with {compressor}" if compressor != NO_COMPRESSOR else "")


def _asked(run: Run) -> str | None:
    """How many of the peers a server asks, if not all."""
    asked = choices(run).get("Participation", EVERY_PEER)
    return f"{asked} of the peers asked in each round" if asked != EVERY_PEER else None


def _figures(run: Run) -> list[tuple[str, str]]:
    if run.is_of_one_node:
        return summary_rows(run)[:6]
    metric = metric_of(run)
    label = metric_label(metric)
    finished = f"{count(run.summary.get('finished'))} / {count(honest_count(run))}"
    success = score(figure(run, "backdoor_success"), "accuracy")
    who = f"of {count(len(judged_peers(run)))} judged" if is_sampled(run) else "node"
    peers = [
        (f"{label}, mean {who}", score(figure(run, f"{metric}_mean"), metric)),
        (f"{label}, worst {who}", score(figure(run, f"{metric}_worst"), metric)),
    ]
    return [
        *(peers if judged_peers(run) else []),
        (f"{label}, averaged model", score(figure(run, f"{metric}_averaged_model"), metric)),
        *([("Backdoor success", success)] if success != NOTHING else []),
        ("Honest peers finished" if attackers_of(run) else "Peers finished", finished),
        ("Bytes sent", size(figure(run, "bytes_sent"))),
        ("Messages lost", count(figure(run, "messages_lost"))),
    ]


def _peers(run: Run) -> str:
    """Those judged, or the first of them, under the headings of which something is known."""
    rows, judged = peer_rows(run, PEERS_SHOWN_MAX), len(judged_peers(run)) + len(attackers_of(run))
    told = [i for i in range(len(PEER_HEADINGS)) if any(_tells(row, i) for row in rows)]
    judges = "judged or hostile" if attackers_of(run) else "judged"
    whom = f"{judges} of {peer_count(run):,} peers" if is_sampled(run) else "peers"
    first = f"The first {len(rows)} of " if len(rows) < judged else "All "
    note = f"<p>{first}{judged:,} {whom}.</p>" if len(rows) < judged or is_sampled(run) else ""
    return note + table(
        [PEER_HEADINGS[i] for i in told],
        [[row[i] for i in told] for row in rows],
        numbers=[place for place, i in enumerate(told) if i in _NUMBERS],
    )


def _tells(row: Sequence[str], column: int) -> bool:
    """Whether a cell says something: a name that is the peer's number does not."""
    return row[column] != (row[0] if column == 1 else NOTHING)
