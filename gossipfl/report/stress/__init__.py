"""What a stress campaign found, as a value, tables, plots and one page.

result.py     Stress: cells, their figures with intervals, and what was required
measures.py   what the figures are called, and how they read
sentences.py  what the campaign shows, in words
tables.py     its cells as rows; heat.py and fans.py, as pictures; page.py, stress.html
files.py      write_stress
"""
