"""What the portfolio says of customers and classes beyond CPM_CLASSES: moves, and whom to offer what."""

from __future__ import annotations

from crm_platform.tables.analyses import CPM_CLASS_NAMES
from crm_platform.tables.table import WHOLE, Column, Table, count, day, days, key, rate, real, text

NOT_YET_KNOWN = "not_yet_known"  # where new customers come from

CPM_MOVES = Table(
    "cpm_moves",
    grain="month of history × class at the end of the month before × class at its end",
    meaning="The customer portfolio through time: opening + in − out = closing for every class (R102)",
    key=("month", "former_class", "cpm_class"),
    columns=(
        day("month", "First day of the month", nullable=False),
        text(
            "former_class",
            "Class at the end of the month before; not_yet_known for customers who came in the month",
            allowed=(*CPM_CLASS_NAMES, NOT_YET_KNOWN),
            nullable=False,
        ),
        text("cpm_class", "Class at the month's end", allowed=CPM_CLASS_NAMES, nullable=False),
        count("customers", "Customers who moved so, or stayed where both classes are the same", minimum=1),
    ),
)

CROSS_SELL = Table(
    "cross_sell",
    grain="customer to whom another product group is to be offered",
    meaning="Whom to cross-sell what: no 初回客 unless the client says so, from the third purchase on (R104-R106)",
    key=("customer_id",),
    columns=(
        key("customer_id", "Customer number"),
        text("cpm_class", "CPM class today", allowed=CPM_CLASS_NAMES, nullable=False),
        count("purchases", "Purchase days so far", minimum=1),
        text("product_group", "The group (商品群) to offer, never bought by the customer", nullable=False),
        text("because_group", "The group that the customer has bought and that it follows", nullable=False),
        count("alike_customers", "Customers alike in the past year: active, had that group and not the other"),
        rate("expected_rate", "Share of them who bought the offered group within six months"),
    ),
)

DORMANT_CUSTOMERS = Table(
    "dormant_customers",
    grain="dormant customer",
    meaning="Who bought and has been silent for as long as the product group's threshold; the best first (R125, R126)",
    key=("customer_id",),
    columns=(
        key("customer_id", "Customer number"),
        text("product_group", "Product group of the first purchase; null where its product is unknown"),
        days("silent_days", "Days since the last purchase (休眠日数)"),
        days("threshold_days", "Days of silence from which a customer of the group is dormant"),
        rate(
            "return_rate",
            "Share of those as silent and as valuable in the past who bought within six months; null without a past",
            nullable=True,
        ),
        real(
            "expected_sales_jpy",
            "That share × what those who came back spent in the six months",
            "JPY",
            nullable=True,
            minimum=0,
        ),
        real("contact_return_jpy", "Expected sales minus the cost of one contact", "JPY", nullable=True),
        Column("rank", WHOLE, "1 is whom to contact first (優先順位)", unit="rank", nullable=False, minimum=1),
    ),
)

REGULAR_BUYERS = Table(
    "regular_buyers",
    grain="one-off buyer who buys at a regular interval",
    meaning="Who buys one-off as if subscribed (実質定期): no subscription in 24 months, regular purchases (R109)",
    key=("customer_id",),
    columns=(
        key("customer_id", "Customer number"),
        text("marked", "The mark (印)", allowed=("実質定期",), nullable=False),
        text("product_id", "Product of most of the purchase days; null where the lines name none"),
        text("product_name", "Its name; null where the master has none"),
        count("purchases", "Days with a one-off purchase", minimum=4),
        real("interval_days", "Mean gap between them (購入間隔)", "days", minimum=0),
        real("variation", "Standard deviation of the gaps ÷ their mean", "ratio", minimum=0),
        day("last_purchased_on", "Last of these days (最終購入日)", nullable=False),
    ),
)
