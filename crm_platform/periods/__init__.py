"""Time without a clock: months, the six-month term of a segment, business years.

Belongs here: values of time and arithmetic on them. Does not: reading the clock, which only `cli` may do.
"""

from crm_platform.periods.month import Month, months_between
from crm_platform.periods.term import TERM_MONTHS, Term, business_year_of, last_closed_business_year

__all__ = ["TERM_MONTHS", "Month", "Term", "business_year_of", "last_closed_business_year", "months_between"]
