"""Sales as customers × frequency × value (購入客数 × 購入回数 × 1回あたり金額), and a change taken apart so."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

FACTORS = ("customers", "frequency", "value", "credits")


@dataclass(frozen=True)
class YearOfSales:
    """One year: who bought, how often, for how much before credits (返品・返金); credits are a positive number."""

    buyers: int
    purchases: int
    gross_jpy: int
    returned_jpy: int

    @property
    def frequency(self) -> Fraction:
        """Purchases per buyer; 0 where nobody bought."""
        return Fraction(self.purchases, self.buyers) if self.buyers else Fraction(0)

    @property
    def value_jpy(self) -> Fraction:
        """Yen per purchase, before credits; 0 where nothing was bought."""
        return Fraction(self.gross_jpy, self.purchases) if self.purchases else Fraction(0)


def factor_steps(before: YearOfSales, now: YearOfSales) -> dict[str, int]:
    """The change of sales in whole yen by factor; the four add up to it exactly.

    Each factor's effect is its mean over all six orders in which the three could have changed one after the other
    (Shapley), so that no factor is favoured by coming first, and the years exchanged give the same effects with the
    other sign. Customers and frequency are rounded to the yen; value takes what rounding leaves.
    """
    gross_jpy = now.gross_jpy - before.gross_jpy
    customers_jpy = round(
        (now.buyers - before.buyers) * _mean_product(before.frequency, now.frequency, before.value_jpy, now.value_jpy)
    )
    frequency_jpy = round(
        (now.frequency - before.frequency)
        * _mean_product(Fraction(before.buyers), Fraction(now.buyers), before.value_jpy, now.value_jpy)
    )
    return {
        "customers": customers_jpy,
        "frequency": frequency_jpy,
        "value": gross_jpy - customers_jpy - frequency_jpy,
        "credits": before.returned_jpy - now.returned_jpy,
    }


def _mean_product(a0: Fraction, a1: Fraction, b0: Fraction, b1: Fraction) -> Fraction:
    """The mean of the other two factors' product over the orders: before or after both, or between them."""
    return (a0 * b0 + a1 * b1) / 3 + (a0 * b1 + a1 * b0) / 6
