"""Real nodes on this machine, and raw attackers at their sockets: Linux only.

command.py  which parts, and the table
judging.py  the figures of each part beside what they must be
world.py    four nodes, of which one is not started: its place is an attacker's
member.py   whoever has a listed key, and speaks frames as it likes
strangers.py, crowds.py, crowd.py, memory.py, replays.py  the parts
"""
