"""The lists of the two tracks (定期もTudomo): whom to win for one-off purchases, who is about to stop."""

from __future__ import annotations

import pyarrow as pa

from crm_platform.reports.csv_files import DEFAULT_ENCODING, csv_file
from crm_platform.reports.wording import Wording
from crm_platform.tables.targets import NEEDS, SUBSCRIPTION_STATES

_TARGET_FIGURES = ("customer_id", "subscription_state", "need", "product_group", "expected_sales_jpy")
_TARGET_COLUMNS = ("customer_id", "subscription_state", "need", "recommended_group", "target_sales")
_WARNING_COLUMNS = (
    "customer_id",
    "subscription_id",
    "deliveries_so_far",
    "stop_risk",
    "stop_base_rate",
    "reason",
    "sales_at_risk",
)


def targets_csv(targets: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,定期状態,ニーズ,推奨商品群,期待売上`: one row per target, the best first (R30-R32, R34).

    From the table `targets`, in order of rank. The sales are whole yen; a group or sales that nothing tells are empty.
    ValueError where a customer has two rows; Refused for a character that the encoding lacks.
    """
    ordered = targets.sort_by("rank")
    if len(ordered["customer_id"].unique()) < ordered.num_rows:
        raise ValueError("a customer has more than one row, where a list holds each customer once")
    states, needs = (
        {name: wording.text(f"{column}.{name}") for name in names}
        for column, names in (("subscription_state", SUBSCRIPTION_STATES), ("need", NEEDS))
    )
    values = zip(*(ordered[name].to_pylist() for name in _TARGET_FIGURES), strict=True)
    rows = (
        (customer, states[state], needs[need], group or "", "" if sales is None else f"{round(sales)}")
        for customer, state, need, group, sales in values
    )
    return csv_file(_TARGET_COLUMNS, rows, wording, encoding)


def stop_warnings_csv(warnings: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,定期番号,お届け回数,解約の確率,同じ回数の解約率,理由,…`: whose subscription is about to stop (R33).

    From the table `stop_warnings`: the rows with `is_warned`, those with most sales at risk first. Probabilities are
    shares to a hundredth of a per cent, the sales whole yen. Refused for a character that the encoding lacks.
    """
    order = [("expected_sales_at_risk_jpy", "descending"), ("subscription_id", "ascending")]
    rows = (
        (
            row["customer_id"],
            row["subscription_id"],
            f"{row['cycle_no']}",
            f"{row['risk']:.4f}",
            f"{row['base_rate']:.4f}",
            wording.text(f"stop_sign.{row['reason']}"),
            f"{row['expected_sales_at_risk_jpy']}",
        )
        for row in warnings.filter(warnings["is_warned"]).sort_by(order).to_pylist()
    )
    return csv_file(_WARNING_COLUMNS, rows, wording, encoding)
