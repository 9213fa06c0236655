"""What is expected of a delivery: one declaration of each expectation with its bound, the reason for it, its weight.

A bound is a number of spreads or a share that suits clients of any size, because the figure it holds against has been
measured by the client's own past (`plausible`); a figure that is not known yet is not judged, and `needs` says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["warning", "critical"]


@dataclass(frozen=True)
class Expectation:
    """Every known value of `frame[column]` lies between `minimum` and `maximum`.

    `shown`: the columns that tell a reader which row breaks it, and by what. `needs`: what must be there to judge it.
    """

    name: str
    frame: Literal["months", "gaps", "delivery"]
    column: str
    severity: Severity
    meaning: str
    why: str
    needs: str
    minimum: float | None = None
    maximum: float | None = None
    shown: tuple[str, ...] = ()

    @property
    def bound(self) -> str:
        """The bound in words."""
        parts = [("at least", self.minimum), ("at most", self.maximum)]
        return " and ".join(f"{word} {value:g}" for word, value in parts if value is not None)


_FORMER_MONTHS = "six complete months before the months that the delivery changed"

EXPECTATIONS = (
    Expectation(
        "volume_fits_former_months",
        "months",
        "volume_deviation",
        "warning",
        "Rows, orders, customers and ordered amount of each month fit the twelve months before, their trend, or the "
        "same month a year earlier",
        "four robust spreads from the nearest of the three, the spread never below 15 % nor below chance: about a half "
        "or the double of the usual",
        f"{_FORMER_MONTHS}, of ten orders or more",
        maximum=4,
        shown=("month", "orders", "usual_orders", "ordered_jpy", "usual_ordered_jpy"),
    ),
    Expectation(
        "cancellations_fit_former_months",
        "months",
        "cancelled_rise",
        "warning",
        "The share of cancelled orders of each month is not far above that of the twelve months before",
        "five robust spreads above the median, the spread never below one point nor below chance; a lower share is no "
        "fault, as recent orders may still be cancelled",
        _FORMER_MONTHS,
        maximum=5,
        shown=("month", "cancelled_rate", "usual_cancelled_rate"),
    ),
    Expectation(
        "returns_fit_former_months",
        "months",
        "returned_rise",
        "warning",
        "The share of returned orders of each month is not far above that of the twelve months before",
        "as for cancellations",
        _FORMER_MONTHS,
        maximum=5,
        shown=("month", "returned_rate", "usual_returned_rate"),
    ),
    Expectation(
        "old_months_stand",
        "months",
        "old_change_rate",
        "warning",
        "No month older than a year changes its ordered amount by more than a little",
        "cancellations leave the ordered amount as it is, so 5 % of a closed year is a re-export, not daily business",
        "an earlier delivery that this one changes",
        maximum=0.05,
        shown=("month", "ordered_jpy", "changed_rate"),
    ),
    Expectation(
        "no_long_gap_in_days",
        "gaps",
        "beyond_plausible",
        "warning",
        "No run of days without an order is longer than chance or a week's closure explains",
        "the longest run that comes about by chance once in a thousand histories with this share of days without an "
        "order, and never less than seven days",
        "ninety days of history",
        maximum=1,
        shown=("first_day", "last_day", "days", "plausible_days"),
    ),
    Expectation(
        "customers_are_in_the_master",
        "delivery",
        "customers_coverage_rate",
        "critical",
        "The customer master holds the customers of the order lines",
        "below 95 % of the lines the numbers of new and existing customers are wrong",
        "a customer master of the client's own",
        minimum=0.95,
        shown=("customers_coverage_rate",),
    ),
    Expectation(
        "products_are_in_the_master",
        "delivery",
        "products_coverage_rate",
        "critical",
        "The product master holds the products of the order lines",
        "below 95 % of the lines product findings speak of a part only",
        "a product master of the client's own",
        minimum=0.95,
        shown=("products_coverage_rate",),
    ),
    Expectation(
        "media_are_in_the_master",
        "delivery",
        "media_coverage_rate",
        "warning",
        "The media master holds the media that order lines name",
        "below 90 % of such lines the efficiency of media (CPO) is that of the known media only",
        "a media master and order lines that name media",
        minimum=0.9,
        shown=("media_coverage_rate",),
    ),
    Expectation(
        "history_spans_five_years",
        "delivery",
        "span_months",
        "warning",
        "The order lines span five years (R05)",
        "five years are recommended (取引明細は5年以上を推奨); with less, reports speak of the true span",
        "an order",
        minimum=60,
        shown=("span_months", "span_days", "first_month"),
    ),
    Expectation(
        "few_duplicated_keys",
        "delivery",
        "duplicate_rate",
        "warning",
        "Hardly a row of the delivery repeats the key of another",
        "one in a thousand; more means that an export ran twice or that the key is not the key",
        "a delivered row",
        maximum=0.001,
        shown=("duplicate_rate", "rows_delivered"),
    ),
    Expectation(
        "no_order_in_two_files",
        "delivery",
        "orders_in_two_files",
        "warning",
        "No order of the delivery is met in two of its files",
        "files are cut between orders; one that is in both was exported in two states",
        "order lines in more than one file",
        maximum=0,
        shown=("orders_in_two_files",),
    ),
    Expectation(
        "few_quarantined_rows",
        "delivery",
        "quarantined_rate",
        "warning",
        "Hardly a row of the delivery is quarantined",
        "5 in a thousand, summed over all rules and tables, is what careful exports stay below",
        "a delivered row",
        maximum=0.005,
        shown=("quarantined_rate", "quarantined_by_rule"),
    ),
)
