"""A campaign before it begins: what it would bring, who is contacted and who is not, what such a test can show (施策).

Belongs here: the simulation, the two groups, their balance and power, the campaign that freezes them. Does not: what
came of it, or where it is kept.
"""
