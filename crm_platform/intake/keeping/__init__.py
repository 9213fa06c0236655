"""Deliveries at rest: the inbox, each delivery whole or not at all, and what all of them together say.

Belongs here: storing and reading deliveries, merging them by key. Does not: reading or judging a file.
"""
