"""The monthly letter (月次レター): what changed since last month, why, and what to do, on two pages.

Belongs here: this month's figures beside last month's and those of a year ago, verdicts that turned, the bridge of the
month's sales, what to do first, whom to contact. Does not: a question of its own (the diagnoses ask), words and looks.
Here stands the letter as it is read; `monthly_letter` makes it.
"""

from crm_platform.letter.letter import Contact, Figure, Letter, Shared, Step, Turned, due_month

__all__ = ["Contact", "Figure", "Letter", "Shared", "Step", "Turned", "due_month"]
