"""What concerns one client as a whole: where all of it lies, its deletion, what is removed in time.

Belongs here: places, Dagster's memory of a client, deletion, retention, their receipts. Does not: what a file means.
"""
