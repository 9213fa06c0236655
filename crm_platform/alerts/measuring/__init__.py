"""A campaign after it began: treated beside control, with what chance alone could do (効果測定).

Belongs here: contacts, outcomes, lifts with intervals, their worth in yen. Does not: the words of a report.
"""
