"""Sums by month: everything that the chapters after them read of the past.

A purchase day is a day on which a customer has a standing line (neither cancelled nor returned) with sales above 0;
two orders on one day are one purchase, as in the literature on buying rhythms.
"""

from __future__ import annotations

from crm_platform.tables.table import DAY, WHOLE, Column, Table, count, day, key, text, yen

_MONTH = Column("month", DAY, "First day of the month", unit="date", nullable=False)

CUSTOMER_DAYS = Table(
    "customer_days",
    grain="customer × day with a line",
    meaning="What a customer ordered, bought and returned on a day",
    key=("customer_id", "day"),
    columns=(
        _MONTH,
        key("customer_id", "Customer number"),
        day("day", "The day of the order or credit line", nullable=False),
        count("orders", "Orders placed, cancelled ones included (受注件数)"),
        count("standing_orders", "Orders with a line that stands"),
        yen("ordered_jpy", "受注金額", minimum=0),
        yen("standing_sales_jpy", "売上 before credits; above 0 it makes the day a purchase day", minimum=0),
        yen("returned_jpy", "Amount of credit lines, as a positive number", minimum=0),
        yen("subscription_sales_jpy", "売上 of subscription lines (定期), credits deducted"),
        yen("bulk_sales_jpy", "売上 of bulk lines (まとめ売り), credits deducted"),
        yen("discount_jpy", "Discounts on standing lines", minimum=0),
        Column("quantity", WHOLE, "Units on standing lines", unit="units", nullable=False, minimum=0),
        count("products", "Different products on standing lines"),
        text("product_id", "Product of the standing line with the largest sales"),
        text("order_kind", "Kind of that line"),
        text("media_id", "Medium of that line"),
    ),
)

CUSTOMER_MONTHS = Table(
    "customer_months",
    grain="customer × month with a line",
    meaning="What a customer ordered, bought and returned in a month",
    key=("customer_id",),
    columns=(
        _MONTH,
        key("customer_id", "Customer number"),
        count("orders", "Orders placed, cancelled ones included (受注件数)"),
        count("standing_orders", "Orders with a line that stands"),
        count("cancelled_orders", "Orders all of whose lines are cancelled or returned"),
        count("purchase_days", "Days with a purchase"),
        day("first_ordered_on", "First day with an order line or credit line", nullable=False),
        day("first_purchased_on", "First purchase day"),
        day("second_purchased_on", "Second purchase day"),
        day("last_purchased_on", "Last purchase day"),
        count("squared_gap_days", "Sum of the squared days between successive purchase days within the month"),
        yen("ordered_jpy", "受注金額", minimum=0),
        yen("sales_jpy", "売上, credits deducted"),
        yen("returned_jpy", "Amount of credit lines, as a positive number", minimum=0),
        yen("discount_jpy", "Discounts on standing lines", minimum=0),
        yen("subscription_sales_jpy", "売上 of subscription lines (定期)"),
        yen("one_off_sales_jpy", "売上 of one-off lines (都度)"),
        yen("bulk_sales_jpy", "売上 of bulk lines (まとめ売り)"),
        count("subscription_orders", "Standing orders with a subscription line"),
        count("one_off_orders", "Standing orders with a one-off line"),
        count("bulk_orders", "Standing orders with a bulk line"),
        text("first_product_id", "Product with the largest sales on the month's first purchase day"),
        text("first_order_kind", "Kind of that line"),
        text("first_media_id", "Medium of that line"),
    ),
)

CUSTOMER_PRODUCT_MONTHS = Table(
    "customer_product_months",
    grain="customer × product × month with a standing line",
    meaning="What a customer bought of a product in a month; credit lines, which name no purchase, stay out",
    key=("customer_id", "product_id"),
    columns=(
        _MONTH,
        key("customer_id", "Customer number"),
        key("product_id", "Product code"),
        count("orders", "Standing orders with the product"),
        Column("quantity", WHOLE, "Units on standing lines", unit="units", nullable=False),
        yen("standing_sales_jpy", "売上 before credits"),
        day("first_purchased_on", "First day in the month with a standing line of the product", nullable=False),
        day("last_purchased_on", "Last such day", nullable=False),
        day("last_delivered_on", "Latest shipment, or the order day where no shipment is known", nullable=False),
        Column(
            "last_quantity",
            WHOLE,
            "Units delivered on that day, on all its lines",
            unit="units",
            nullable=False,
            minimum=1,
        ),
    ),
)

PRODUCT_MONTHS = Table(
    "product_months",
    grain="product × order kind × month",
    meaning="What was ordered and sold of a product in a month",
    key=("product_id", "order_kind"),
    columns=(
        _MONTH,
        key("product_id", "Product code"),
        key("order_kind", "定期 / 都度 / まとめ売り"),
        count("lines", "Lines, credit lines included"),
        count("customers", "Customers with a standing line"),
        Column("quantity", WHOLE, "Units on standing lines", unit="units", nullable=False),
        yen("ordered_jpy", "受注金額", minimum=0),
        yen("sales_jpy", "売上"),
        yen("discount_jpy", "Discounts on standing lines", minimum=0),
    ),
)

MEDIA_MONTHS = Table(
    "media_months",
    grain="medium × month",
    meaning="Orders and sales attributed to a medium in a month",
    key=("media_id",),
    columns=(
        _MONTH,
        key("media_id", "Medium code; `(none)` where the order names none"),
        count("orders", "Orders placed"),
        count("customers", "Customers who placed them"),
        yen("ordered_jpy", "受注金額", minimum=0),
        yen("sales_jpy", "売上"),
    ),
)
