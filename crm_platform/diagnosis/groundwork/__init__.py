"""What several chapters of the diagnosis stand on: readings of the facts that more than one of them needs.

Belongs here: cohorts of new customers, what a product or a medium is called and belongs to, from which silence on a
customer is dormant and who was active when, how sales concentrate, who was in which CPM class at a past day. Does not:
a finding, a verdict on one, or anything that a single chapter needs.
"""
