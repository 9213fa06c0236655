"""What a client delivers: the four files of R01 in the standard layout (R10), after admission.

A delivered column beyond the required ones may be missing; then it is null throughout.
"""

from __future__ import annotations

from dataclasses import replace

from crm_platform.tables.table import INSTANT, REAL, WHOLE, Column, Table, count, day, flag, key, text, yen

STATUSES = ("ordered", "shipped", "cancelled", "returned")
SUBSCRIPTION_EVENT_KINDS = ("start", "skip", "switch", "stop", "resume")
CONTACT_OUTCOMES = ("sent", "declined", "no_answer", "other")
UNDONE = ("cancelled", "returned")
ORDER_KINDS = ("subscription", "one_off", "bulk")


def _needed(column: Column) -> Column:
    return replace(column, required=True, nullable=False)


def _in(column: Column, master: str) -> Column:
    return replace(column, references=master)


PRODUCTS = Table(
    "products",
    grain="product",
    meaning="Product master (商品マスター), as known from the latest delivery",
    key=("product_id",),
    columns=(
        key("product_id", "Product code (商品コード)"),
        text("product_name", "Product name (商品名)"),
        text("category", "Product group (商品群)"),
        text("brand", "Brand (ブランド)"),
        yen("list_price_jpy", "List price, tax excluded (定価)", nullable=True, minimum=0),
        yen("cost_jpy", "Cost of one unit (原価)", nullable=True, minimum=0),
        Column("supply_days", WHOLE, "Days that one unit lasts (使用日数)", unit="days", minimum=1, maximum=3650),
        flag("is_trial", "A trial size (お試し品)"),
        flag("is_gift", "A give-away (プレゼント)"),
    ),
)

CUSTOMERS = Table(
    "customers",
    grain="customer",
    meaning="Customer master without personal data (個人情報を除外した顧客マスター, R06), from the latest delivery",
    key=("customer_id",),
    columns=(
        key("customer_id", "Customer number (顧客番号)"),
        Column(
            "birth_year",
            WHOLE,
            "Year of birth (生年), never the full birthday",
            unit="year",
            minimum=1900,
            maximum=2100,
        ),
        text("sex", "Sex as the client codes it (性別)"),
        text("prefecture", "Prefecture (都道府県)"),
        day("registered_on", "Day of registration (登録日); the first order's day where the client has none"),
        text("first_media_id", "Medium that brought the customer (初回媒体)"),
        text("client_rank", "The client's own rank of the customer (顧客ランク)"),
    ),
)

MEDIA = Table(
    "media",
    grain="medium",
    meaning="Media master with costs (媒体マスター), as known from the latest delivery",
    key=("media_id",),
    columns=(
        key("media_id", "Medium code (媒体コード)"),
        text("media_name", "Medium name (媒体名)"),
        text("channel", "Channel: TV, newspaper, web… (チャネル)"),
        day("started_on", "First day of the placement (掲載開始日)"),
        day("ended_on", "Last day of the placement (掲載終了日)"),
        yen("cost_jpy", "Cost of the placement (媒体費)", nullable=True, minimum=0),
    ),
)

ORDER_LINES = Table(
    "order_lines",
    grain="line of an order, in the month of its order date",
    meaning="Order lines (取引明細) after admission. Ordered amount and sales stand apart from here on (R20, R21)",
    key=("order_id", "line_no"),
    columns=(
        key("order_id", "Order number (注文番号)"),
        Column("line_no", WHOLE, "Line within the order (明細番号)", unit="number", nullable=False, minimum=1),
        _in(_needed(text("customer_id", "Customer number (顧客番号)")), "customers"),
        Column(
            "ordered_at",
            INSTANT,
            "When ordered, client's local time (受注日時)",
            unit="time",
            required=True,
            nullable=False,
        ),
        day("shipped_on", "Day of shipment (出荷日)"),
        text("status", "State of the line (対応状況)", allowed=STATUSES, nullable=False),
        text("order_kind", "定期 / 都度 / まとめ売り; exactly one (R23)", allowed=ORDER_KINDS, nullable=False),
        text("subscription_id", "Subscription contract (定期受注番号)"),
        Column("cycle_no", WHOLE, "Which delivery of the subscription (定期回数)", unit="number", minimum=1),
        text("course", "Subscription course (定期コース)"),
        _in(_needed(text("product_id", "Product code (商品コード)")), "products"),
        Column(
            "quantity", WHOLE, "Units; negative on a credit line (数量)", unit="units", required=True, nullable=False
        ),
        Column(
            "unit_price_jpy", REAL, "Price of a unit, tax excluded (単価)", unit="JPY", required=True, nullable=False
        ),
        yen("discount_jpy", "Discount on the line (値引き)", minimum=0),
        yen("shipping_fee_jpy", "Shipping fee; never part of an amount (送料, R20)", nullable=True),
        _in(text("media_id", "Medium of the order (媒体コード)"), "media"),
        day("cancelled_on", "Day of cancellation or return (キャンセル日)"),
        yen("ordered_jpy", "受注金額: quantity × price − discount, cancelled lines included, credit lines 0 (R21)"),
        yen("sales_jpy", "売上: the same without cancelled and returned lines; a credit line is negative"),
    ),
)

SUBSCRIPTION_EVENTS = Table(
    "subscription_events",
    grain="event of a subscription",
    meaning="What happened to subscriptions (定期の履歴: 開始・スキップ・変更・解約・再開); optional",
    key=("subscription_id", "occurred_on", "event"),
    columns=(
        key("subscription_id", "Subscription contract (定期受注番号)"),
        text("event", "What happened (イベント)", allowed=SUBSCRIPTION_EVENT_KINDS, nullable=False),
        replace(day("occurred_on", "On which day (発生日)", nullable=False), required=True),
        text("from_course", "Course before a switch (変更前コース)"),
        text("to_course", "Course after it (変更後コース)"),
        text("reason_code", "Reason of a stop or skip as the client codes it (理由コード, R124)"),
    ),
)

CONTACTS = Table(
    "contacts",
    grain="contact with a customer",
    meaning="Who was contacted, how, at what cost and with which outcome (コンタクト履歴); optional",
    key=("customer_id", "campaign_id", "contacted_on", "channel"),
    columns=(
        _in(key("customer_id", "Customer number (顧客番号)"), "customers"),
        key("campaign_id", "Campaign (施策コード)"),
        replace(day("contacted_on", "Day of the contact (コンタクト日)", nullable=False), required=True),
        key("channel", "Channel: call, mail, letter… (チャネル)"),
        yen("unit_cost_jpy", "Cost of this contact (単価)", nullable=True, minimum=0),
        text(
            "outcome",
            "What came of it (結果): the product was sent (送付), declined (辞退), no answer (不在), other",
            allowed=CONTACT_OUTCOMES,
        ),
    ),
)

CONTACT_OVERRIDES = Table(
    "contact_overrides",
    grain="customer whom an operator set otherwise",
    meaning="What an operator set for a customer's next contact (次回連絡の個別指定); an empty row lifts it; optional",
    key=("customer_id",),
    columns=(
        _in(_needed(key("customer_id", "Customer number (顧客番号)")), "customers"),
        Column(
            "supply_days",
            WHOLE,
            "Days that a delivery lasts with this customer (使用日数)",
            unit="days",
            minimum=1,
            maximum=3650,
        ),
        day("next_contact_on", "Contact on this day, once (次回連絡日)"),
        day("hold_until", "No contact before this day (保留期限)"),
    ),
)

CONTROL_TOTALS = Table(
    "control_totals",
    grain="month",
    meaning="The client's own monthly figures, to be compared with ours (検収, R39); optional",
    key=("month",),
    columns=(
        replace(day("month", "First day of the month (年月)", nullable=False), required=True),
        count("orders", "Orders (受注件数)", nullable=True),
        count("customers", "Customers who ordered (顧客数)", nullable=True),
        yen("ordered_jpy", "受注金額", nullable=True),
        yen("sales_jpy", "売上", nullable=True),
    ),
)

QUARANTINED_ROWS = Table(
    "quarantined_rows",
    grain="fault of a delivered row",
    meaning="Rows that were not admitted, each with the rule that it breaks (隔離)",
    key=("delivery_id", "file_name", "row_number", "column", "rule"),
    columns=(
        key("delivery_id", "The delivery that brought the row"),
        key("file_name", "The file within it"),
        count("row_number", "Line of the file, the header being line 1", minimum=1),
        key("table", "The table that the row was meant for"),
        key("column", "The column at fault, as the file names it"),
        text("masked_value", "The value with its inner characters masked"),
        key("rule", "The rule that the row breaks"),
        text("remedy", "What to do about it", nullable=False),
    ),
)
