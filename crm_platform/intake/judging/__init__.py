"""The delivery as a whole, judged: its figures against the client's own history and the client's own totals (検収).

Belongs here: what no single row shows. Does not: admitting a row, or where anything rests. Only here is
great-expectations known, and only inside the functions that use it: its import takes seconds.
"""
