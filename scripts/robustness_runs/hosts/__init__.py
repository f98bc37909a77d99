"""What nodes bear on hosts of their own, with cables that are pulled and lines that lose and delay.

command.py     which rows, and the table
rows.py        the harm, and what must come of it
consortium.py  organisations on hosts, made and run by the commands of the README
hosts.py       hosts: network namespaces with a cable to a switch
line.py        a bad line: a process that loses and delays what passes
"""
