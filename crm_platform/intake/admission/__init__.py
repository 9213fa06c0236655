"""Typed rows → admitted or quarantined rows, with accounts of rows and money that close (受け入れ判定).

Belongs here: the rules of rows, the quarantine, the receipt. Does not: where anything rests.
"""
