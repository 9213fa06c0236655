"""The list of a day: upper customers, who of them is about to stop, why, and what it would cost (アラートリスト).

Belongs here: who is alerted, by what sign, when the fall comes. Does not: how likely it is (`forecast.falls`), what is
done about it.
"""
