"""The guard that keeps personal data out (個人情報, R06): found and cut before anything is written.

Belongs here: what counts as personal data, rows without it, the keyed hash that stands in place of an identity, and
files as they may be stored. Does not: any other fault of a row.
"""
