"""The lists of the two tracks (定期もTudomo): whom to win for one-off purchases, who is about to stop."""

from __future__ import annotations

import pyarrow as pa

from crm_platform.reports.csv_cells import (
    DEFAULT_ENCODING,
    csv_of_columns,
    each,
    texts,
    with_one_row_each,
)
from crm_platform.reports.csv_files import chance, figure
from crm_platform.reports.wording import Wording


def targets_csv(targets: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,定期状態,ニーズ,推奨商品群,期待売上`: one row per target, the best first (R30-R32, R34).

    From the table `targets`, in order of rank. The sales are whole yen; a group or sales that nothing tells are empty.
    ValueError where a customer has two rows; Refused for a character that the encoding lacks.
    """
    rows = with_one_row_each(targets).sort_by("rank")
    cells = {
        "customer_id": texts(rows["customer_id"]),
        "subscription_state": each(
            rows["subscription_state"], lambda state: wording.text(f"subscription_state.{state}")
        ),
        "need": each(rows["need"], lambda need: wording.text(f"need.{need}")),
        "recommended_group": each(rows["product_group"], str),
        "target_sales": each(rows["expected_sales_jpy"], figure),
    }
    return csv_of_columns(cells, wording, encoding)


def stop_warnings_csv(warnings: pa.Table, wording: Wording, encoding: str = DEFAULT_ENCODING) -> bytes:
    """`顧客番号,定期番号,お届け回数,解約の確率,同じ回数の解約率,理由,…`: whose subscription is about to stop (R33).

    From the table `stop_warnings`: the rows with `is_warned`, those with most sales at risk first. Probabilities are
    shares to a hundredth of a per cent, the sales whole yen. Refused for a character that the encoding lacks.
    """
    order = [("expected_sales_at_risk_jpy", "descending"), ("subscription_id", "ascending")]
    rows = warnings.filter(warnings["is_warned"]).sort_by(order)
    cells = {
        "customer_id": texts(rows["customer_id"]),
        "subscription_id": texts(rows["subscription_id"]),
        "deliveries_so_far": each(rows["cycle_no"], figure),
        "stop_risk": each(rows["risk"], chance),
        "stop_base_rate": each(rows["base_rate"], chance),
        "reason": each(rows["reason"], lambda reason: wording.text(f"stop_sign.{reason}")),
        "sales_at_risk": each(rows["expected_sales_at_risk_jpy"], figure),
    }
    return csv_of_columns(cells, wording, encoding)
