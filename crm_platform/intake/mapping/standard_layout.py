"""The layout that the platform specifies (当社が指定する仕様, R10), in its English and its Japanese spelling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from crm_platform.intake.reading.raw_rows import matching_form
from crm_platform.tables import Table, delivered

DELIVERED: dict[str, Table] = {
    table.name: table
    for table in (
        delivered.PRODUCTS,
        delivered.CUSTOMERS,
        delivered.MEDIA,
        delivered.ORDER_LINES,
        delivered.SUBSCRIPTION_EVENTS,
        delivered.CONTACTS,
        delivered.CONTACT_OVERRIDES,
        delivered.CONTROL_TOTALS,
    )
}
LARGEST_LINE_JPY = 1e12  # beyond any sense; such a line is quarantined
MASTERS = ("products", "customers", "media")
COMPUTED_COLUMNS = {"order_lines": {"ordered_jpy", "sales_jpy"}}

JAPANESE_HEADERS: dict[str, dict[str, str]] = {
    "products": {
        "商品番号": "product_id", "商品名": "product_name", "商品群": "category", "ブランド": "brand",
        "定価": "list_price_jpy", "原価": "cost_jpy", "使用日数": "supply_days", "お試し品": "is_trial",
        "プレゼント": "is_gift",
    },
    "customers": {
        "顧客番号": "customer_id", "生年": "birth_year", "性別": "sex", "都道府県": "prefecture",
        "登録日": "registered_on", "初回媒体コード": "first_media_id", "顧客ランク": "client_rank",
    },
    "media": {
        "媒体コード": "media_id", "媒体名": "media_name", "チャネル": "channel", "掲載開始日": "started_on",
        "掲載終了日": "ended_on", "媒体費": "cost_jpy",
    },
    "order_lines": {
        "注文番号": "order_id", "明細番号": "line_no", "顧客番号": "customer_id", "受注日時": "ordered_at",
        "出荷日": "shipped_on", "状態": "status", "注文区分": "order_kind", "定期番号": "subscription_id",
        "定期回数": "cycle_no", "定期コース": "course", "商品番号": "product_id", "数量": "quantity",
        "単価": "unit_price_jpy", "値引": "discount_jpy", "送料": "shipping_fee_jpy", "媒体コード": "media_id",
        "キャンセル日": "cancelled_on",
    },
    "subscription_events": {
        "定期番号": "subscription_id", "イベント": "event", "発生日": "occurred_on", "変更前コース": "from_course",
        "変更後コース": "to_course", "理由コード": "reason_code",
    },
    "contacts": {
        "顧客番号": "customer_id", "施策コード": "campaign_id", "コンタクト日": "contacted_on", "チャネル": "channel",
        "単価": "unit_cost_jpy", "結果": "outcome",
    },
    "contact_overrides": {
        "顧客番号": "customer_id", "使用日数": "supply_days", "次回連絡日": "next_contact_on", "保留期限": "hold_until",
    },
    "control_totals": {
        "年月": "month", "受注件数": "orders", "顧客数": "customers", "受注金額": "ordered_jpy", "売上": "sales_jpy",
    },
}  # fmt: skip

STANDARD_CODES: dict[str, dict[str, str]] = {
    "status": {
        "受注": "ordered", "出荷済": "shipped", "キャンセル": "cancelled", "返品": "returned",
        "ordered": "ordered", "shipped": "shipped", "cancelled": "cancelled", "returned": "returned",
    },
    "order_kind": {
        "定期": "subscription", "都度": "one_off", "まとめ売り": "bulk",
        "予約購入": "subscription", "予約販売": "subscription",  # words of the trade for 定期 (R110)
        "subscription": "subscription", "one_off": "one_off", "bulk": "bulk",
    },
    "event": {
        "開始": "start", "スキップ": "skip", "変更": "switch", "解約": "stop", "停止": "stop", "再開": "resume",
        "start": "start", "skip": "skip", "switch": "switch", "stop": "stop", "resume": "resume",
    },
    "outcome": {
        "送付": "sent", "送付済": "sent", "発送": "sent", "受注": "sent", "辞退": "declined", "お断り": "declined",
        "不要": "declined", "不在": "no_answer", "留守": "no_answer", "応答なし": "no_answer", "その他": "other",
        "sent": "sent", "declined": "declined", "no_answer": "no_answer", "other": "other",
    },
}  # fmt: skip

WHERE_COLUMN_MISSING = {"status": "shipped", "order_kind": "one_off"}  # of the standard layout only


def concatenated(table: Table, parts: Sequence[pa.Table]) -> pa.Table:
    """The rows of all parts, sorted by key, in exactly the declared schema."""
    return table.cast(pa.concat_tables([table.empty(), *parts]))


def standard_targets(table: str) -> Mapping[str, str]:
    """Table column by header in matching form, English and Japanese."""
    computed = COMPUTED_COLUMNS.get(table, set())
    english = {name: name for name in DELIVERED[table].names if name not in computed}
    return {matching_form(header): target for header, target in {**JAPANESE_HEADERS[table], **english}.items()}
