"""Experiments: from a TOML file to peers that any driver can run, and to the figures of the run.

settings.py    the sections of an experiment; unheard.py, keys that mean nothing there; files.py reads them
federation.py  data, graph, model and peers of an experiment; dealing.py, its rows and who gets them
pace.py        peers in rounds, or each at its own pace; meeting.py, who meets whom
crowd.py       a federation as a crowd: what it can honour, who takes part
adversity.py   what befalls network and peers; planning.py makes plans and rules of it
attack.py      who attacks, what they hold, and what is refused
defence.py     how peers combine what they hear; watching.py, who shuts out whom
stress.py      the cells of a campaign; requirements.py, what it must reach
recorder.py    what peers did, as records and a summary; judging.py, what their models are worth
nodefile.py    a node's own file; member.py, the node that it describes; prepared.py, the rows `up` gives it
modelfile.py   models as files that explain themselves
"""
