"""定期, 都度 and まとめ売り kept apart (R23), and what discounts the bulk sales depend on (R24)."""

from __future__ import annotations

import ibis
import pyarrow as pa
from ibis import _

_SHARING = ("subscription", "one_off")  # bulk sales are bought by a discount and are no 都度 (000:41-47)


def order_kinds(product_months: ibis.Table) -> pa.Table:
    """Sums per kind of order line, over the months of `product_months`; exactly one kind per line, so they add up.

    Columns: order_kind, lines, ordered_jpy, sales_jpy, discount_jpy (of standing lines), discount_rate (of the sales
    before discounts; null where there are none) and sales_share_rate: the part of 定期 and of 都度 in the sales of
    both, null for まとめ売り, which is reported alone (R24).
    """
    sums = product_months.group_by("order_kind").agg(
        lines=_.lines.sum(),
        ordered_jpy=_.ordered_jpy.sum(),
        sales_jpy=_.sales_jpy.sum(),
        discount_jpy=_.discount_jpy.sum(),
    )
    both = sums.filter(_.order_kind.isin(_SHARING)).sales_jpy.sum().as_scalar()
    return (
        sums.mutate(
            discount_rate=_.discount_jpy / (_.sales_jpy + _.discount_jpy).nullif(0),
            sales_share_rate=ibis.ifelse(
                _.order_kind.isin(_SHARING), _.sales_jpy / both.nullif(0), ibis.null("float64")
            ),
        )
        .order_by("order_kind")
        .to_pyarrow()
    )


def one_off_sales_at_share_jpy(yearly_sales_jpy: int, share_rate: float) -> int:
    """Sales that 都度 would bring at a share of the yearly sales (都度販売比率): 20億円 × 10 % = 2億円 (000:47, R25).

    Raises:
        ValueError: the share is not between 0 and 1, or the sales are negative.
    """
    if not 0 <= share_rate <= 1 or yearly_sales_jpy < 0:
        raise ValueError(f"no sales come of {yearly_sales_jpy} yen at a share of {share_rate}")
    return round(yearly_sales_jpy * share_rate)
