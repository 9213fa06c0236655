"""The guard that keeps personal data out (個人情報, R06): found before anything is written, and cut.

Belongs here: what counts as personal data, and files without it. Does not: any other fault of a row.
"""
