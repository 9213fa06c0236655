"""Delivered bytes → rows of text: unpack, decode, split, with the physical line of every row.

Belongs here: what a file is, whatever it means. Does not: any table's columns.
"""
