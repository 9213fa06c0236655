"""What became of former lists, and of the upper customers month by month (答え合わせ, 月次KPI).

Belongs here: lists held against what came. Does not: what a campaign brought, which only its control group can tell.
"""
