"""Deterministic simulation testing: random worlds of peers under every fault, watched at every step.

world.py        a world as a value; lottery.py, the one that a seed draws; telling.py describes it in words
hardship.py     what befalls messages; nemesis.py, what befalls peers and links, and when all is healed
hostile.py      what attackers say in the place of what they should
book.py         who said what, and who used it; watching.py, algorithms and letters that write it down
invariants.py   what must hold at every step; liveness.py, what must come about once all is healed
arena.py        one world, run
shrink.py       a smaller world that still fails
plants.py       bugs to be found, put in on purpose
swarm.py        many seeds over all processors; __main__.py, the command

Rules:
- A world is all there is to say of a run: nothing is drawn elsewhere but from its seed, by `Draws`.
- What is watched is never changed: a run that nobody watches would be the same.
"""
