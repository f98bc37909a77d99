"""Experiments: from a TOML file to peers that any driver can run, and to the figures of the run.

settings.py    the sections of an experiment; unheard.py, keys that mean nothing there; files.py reads them
federation.py  data, graph, model and peers of an experiment
pace.py        peers in rounds, or each at its own pace; meeting.py, who meets whom
crowd.py       a federation as a crowd: what it can honour, who takes part
attack.py      who attacks, what they hold, and what is refused
recorder.py    what peers did, as records and a summary; judging.py, what their models are worth
nodefile.py    a node's own file; prepared.py, the rows that `up` hands to a node
modelfile.py   models as files that explain themselves
"""
