"""What a client's files are: table definitions (テーブル定義書) held against them, mappings drafted from samples.

Belongs here: recognising tables, columns and codes by their words and values. Does not: carrying a mapping out.
"""
