"""One peer on real sockets.

runner.py     events in, effects out, on a real clock, with training in a thread
links.py      the links to all neighbours: dial, accept, redial; door.py, who may knock
link.py       one connection, its conversation and its ending.py; outbox.py, what waits to be said on it
handshake.py  TLS with a deadline; tls.py, mutual TLS by listed keys alone
limits.py     a bound on all that is spent on others
window.py     what an operator sees of it, by HTTP on the same machine
keyfile.py    the secret key; boot.py, the boot epoch
audit.py      what left the node, for its operator: chain.py, as bytes; chainfile.py, on disk; tallies.py
state.py      what outlives the process: checkpoint.py, as bytes; durable.py, on disk; keeping.py, meanwhile
"""
