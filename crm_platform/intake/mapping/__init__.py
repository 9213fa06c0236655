"""Rows of text → typed columns of a declared table, as the client's mapping says.

Belongs here: which column comes from where, codes, casting. Does not: whether a row is good.
"""
