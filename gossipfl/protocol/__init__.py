"""The protocol: what peers say and when, as state machines without I/O, clock or global randomness.

events.py      what a driver tells a peer, and what the peer asks of it
round_peer.py  the peer that works in rounds: awaiting.py, closing.py, acquaintance.py, patience.py, inbox.py,
               conversation.py, correspondence.py
free_peer.py   the peer that works at its own pace: exchanges.py, encounters.py, flow.py, pace.py
learner.py     what both hold; gathering.py, how they begin; memory.py, what must outlive their process
targets.py     of whom they hear; admission.py and weighing.py: what they use of it, and how much it counts
watch.py       around either: who contradicts itself is shut out; contradictions.py, notary.py, reputation.py,
               credit.py
messages.py    what peers say; layout.py, the arrays in it
membership.py  the list of who belongs to a consortium, signed; council.py, how it is changed and passed on
identity.py    who a peer is, and the roster of those it knows
manifest.py    what all peers of a run agree on
wire.py        messages as signed bytes; framing.py, frames on a stream; session.py, one link's conversation
"""
