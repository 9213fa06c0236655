"""Subscription and one-off side by side (ツートラック): what each customer is worth on both tracks."""

from __future__ import annotations

from crm_platform.tables.table import Table, flag, key, text, yen

TRACK_STATES = ("continuing", "stopped", "never")  # 継続中 解約 定期利用なし

TWO_TRACK_VALUES = Table(
    "two_track_values",
    grain="customer known at the as-of date",
    meaning="Two-track LTV (定期＋都度のLTV): 売上 so far and foreseen on both tracks; bulk sales apart (R24, R35)",
    key=("customer_id",),
    columns=(
        key("customer_id", "Customer number"),
        text("subscription_state", "継続中 / 解約 / never a subscriber", allowed=TRACK_STATES, nullable=False),
        flag("has_bought_one_off", "A standing one-off order (都度) is on file", nullable=False),
        yen("subscription_sales_jpy", "売上 so far of subscription lines (定期), credits deducted"),
        yen("one_off_sales_jpy", "売上 so far of one-off lines (都度), credits deducted"),
        yen("two_track_sales_jpy", "Both together: the LTV so far"),
        yen("bulk_sales_jpy", "売上 so far of bulk lines (まとめ売り): in neither track"),
        yen("sales_jpy", "売上 so far: both tracks and bulk"),
        yen("foreseen_subscription_sales_jpy", "Subscription 売上 foreseen for six months", minimum=0),
        yen(
            "foreseen_one_off_sales_jpy",
            "One-off 売上 foreseen for six months; null where inferred",
            nullable=True,
            minimum=0,
        ),
        yen(
            "foreseen_bulk_sales_jpy",
            "Bulk 売上 foreseen for six months; null where inferred",
            nullable=True,
            minimum=0,
        ),
        yen("two_track_ltv_jpy", "LTV so far and the six months foreseen of both tracks; a null counts as 0"),
    ),
)
