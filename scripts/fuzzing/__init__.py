"""Fuzzing: whatever bytes come from outside, each reader takes them, or refuses them with a reason.

target.py       what a target is, and how a promise is kept
lot.py          choices drawn from bytes; mutants.py, inputs made of others by them
streams.py      what a neighbour sends: frames through a session, and on into a watched peer
members.py      the list of members, as it passes between nodes and as it is kept
headers.py      the decoders of headers, and codes of payloads
nodes.py        what a node reads from its own folder, and its window
settings.py     experiments, campaigns, node files, lines of peers, traces
tables.py       tables, schemas, models, graphs, run directories
targets.py      all of them, by name
corpus.py       the inputs that are kept; campaign.py, many mutated streams over all processors
guided.py       coverage-guided fuzzing by atheris; __main__.py, the command

Rules:
- A target is a function of its bytes alone: what failed once fails again.
- It raises nothing that its reader promises; whatever it raises is a bug.
- Where digests and signatures guard a reader, one target makes them anew, as a listed peer that turned
  hostile would: so what lies behind them is reached.
"""
