"""Subscriptions (定期): their deliveries by month, what happened to them, and how each stands at a month's end."""

from __future__ import annotations

from crm_platform.tables.delivered import SUBSCRIPTION_EVENT_KINDS
from crm_platform.tables.table import DAY, REAL, WHOLE, Column, Table, count, day, flag, key, text, yen

EVENT_SOURCES = ("delivered", "derived")
STATES = ("continuing", "stopped")
STOP_SOURCES = ("delivered", "silent")

SUBSCRIPTION_DELIVERIES = Table(
    "subscription_deliveries",
    grain="subscription × order with a subscription line, in the month of the line",
    meaning="Deliveries of subscriptions (定期の注文): the subscription lines of an order as one row, credits included",
    key=("subscription_id", "order_id"),
    columns=(
        Column("month", DAY, "First day of the month", unit="date", nullable=False),
        key("subscription_id", "Subscription contract; `customer/product` where the client delivers none"),
        key("order_id", "Order number"),
        text("customer_id", "Customer number", nullable=False),
        day("ordered_on", "Day of the order; of the credit where the month holds only credit lines", nullable=False),
        day("shipped_on", "Latest day of shipment"),
        Column(
            "cycle_no", WHOLE, "Which delivery of the subscription, as delivered (定期回数)", unit="number", minimum=1
        ),
        text("course", "Subscription course (定期コース), as delivered"),
        text("product_id", "Product of the line with the largest sales", nullable=False),
        Column("quantity", WHOLE, "Units of that product on order lines", unit="units", nullable=False, minimum=0),
        yen("ordered_jpy", "受注金額", minimum=0),
        yen("sales_jpy", "売上, credits deducted"),
        yen("discount_jpy", "Discounts on standing lines", minimum=0),
        text("media_id", "Medium of the order"),
        flag("is_order", "An order line is in it; credit lines alone are no delivery", nullable=False),
        flag("stands", "Neither cancelled nor returned as a whole", nullable=False),
    ),
)

SUBSCRIPTION_CYCLES = Table(
    "subscription_cycles",
    grain="order of a subscription at which something shows, known at the as-of date",
    meaning="First and last order of each subscription, and those around which something happened (定期サイクル)",
    key=("subscription_id", "order_no"),
    columns=(
        key("subscription_id", "Subscription contract"),
        Column("order_no", WHOLE, "1 for the first order known", unit="number", nullable=False, minimum=1),
        text("customer_id", "Customer number", nullable=False),
        day("ordered_on", "Day of the order", nullable=False),
        day("former_on", "Day of the order before it; null for the first"),
        Column("cycle_days", REAL, "Days between deliveries in its course, else its own", unit="days", nullable=False),
        Column("missed", WHOLE, "Cycles without an order since the former one", unit="count", minimum=0),
        flag("overlaps", "Of the same cycle as the order before it", nullable=False),
        count("place", "Cycles so far, this one included", minimum=1),
        count("counted_no", "Which delivery of the subscription, counted by the platform (定期回数)", minimum=1),
        text("course", "Subscription course (定期コース), as delivered"),
        text("former_course", "Course of the order before it"),
        text("product_id", "Product of the line with the largest sales", nullable=False),
        text("former_product_id", "Product of the order before it"),
        flag("has_new_product", "The product changed for good with this order", nullable=False),
        Column("cycle_no", WHOLE, "Which delivery of the subscription, as delivered (定期回数)", unit="number"),
        Column("former_cycle_no", WHOLE, "The same of the order before it", unit="number"),
        flag("stands", "Neither cancelled nor returned as a whole", nullable=False),
        flag("former_stands", "The same of the order before it"),
        flag("is_last", "No order follows until the as-of date", nullable=False),
    ),
)

KNOWN_SUBSCRIPTION_EVENTS = Table(
    "known_subscription_events",
    grain="event of a subscription known at the as-of date",
    meaning="What happened to subscriptions (開始・スキップ・変更・解約・再開): delivered, else told by the deliveries",
    key=("subscription_id", "event_no"),
    columns=(
        key("subscription_id", "Subscription contract"),
        Column("event_no", WHOLE, "1 for the first event known", unit="number", nullable=False, minimum=1),
        text("customer_id", "Customer number", nullable=False),
        text("event", "What happened", allowed=SUBSCRIPTION_EVENT_KINDS, nullable=False),
        day(
            "occurred_on", "On which day; of a derived stop or skip the day on which a delivery was due", nullable=False
        ),
        Column(
            "cycle_no",
            WHOLE,
            "The delivery that it followed (定期回数, counted by the platform); 0 for a start",
            unit="number",
            nullable=False,
            minimum=0,
        ),
        text("from_course", "Course before it"),
        text("to_course", "Course after it; null where a delivered switch names one that no delivery has"),
        text("from_product_id", "Product before a derived switch of the product"),
        text("to_product_id", "Product after it"),
        text("reason_code", "Reason as the client codes it (R124)"),
        text("source", "Delivered by the client, or derived from deliveries", allowed=EVENT_SOURCES, nullable=False),
    ),
)

SUBSCRIPTIONS = Table(
    "subscriptions",
    grain="subscription known at the as-of date",
    meaning="How each subscription (定期) stands at the as-of date: rhythm, deliveries, skips, state",
    key=("subscription_id",),
    columns=(
        key("subscription_id", "Subscription contract"),
        text("customer_id", "Customer number", nullable=False),
        text("media_id", "Medium of its first delivery that names one"),
        text("product_id", "Product of most of its deliveries, or the one switched to", nullable=False),
        text("course", "Course of the last delivery, or the one switched to since"),
        Column(
            "cycle_days",
            REAL,
            "Days between deliveries: of the course, else its own",
            unit="days",
            nullable=False,
            minimum=1,
        ),
        Column(
            "term_deliveries",
            WHOLE,
            "Deliveries that the course binds to (まとめて予約); 1 = free",
            unit="count",
            nullable=False,
            minimum=1,
        ),
        day("started_on", "Start as delivered, else the first delivery known", nullable=False),
        Column(
            "first_cycle_no",
            WHOLE,
            "Number of the first delivery known; above 1 the subscription began before the data",
            unit="number",
            nullable=False,
            minimum=1,
        ),
        count("deliveries", "Deliveries that stand"),
        count("last_cycle_no", "Number of the last delivery ordered (定期回数, counted by the platform)", minimum=1),
        day("last_ordered_on", "Day on which the last delivery was ordered", nullable=False),
        day("last_delivered_on", "Shipment of the last standing delivery, else its order day; null without one"),
        Column("last_quantity", WHOLE, "Units of its product in the last standing delivery", unit="units", minimum=0),
        day("next_due_on", "When the next delivery is due; may be past where it is late; null when stopped"),
        text("state", "継続中 / 解約", allowed=STATES, nullable=False),
        day("stopped_on", "Day of the stop as delivered; of a silent one the day on which the next delivery was due"),
        text("stop_reason", "Reason of the stop as the client codes it"),
        text("stop_source", "A delivered stop, or silence (無言の離脱)", allowed=STOP_SOURCES),
        count("skips", "Skipped cycles"),
        day("last_skipped_on", "Latest skip"),
        flag(
            "skipped_before_next",
            "A cycle was skipped or missed since the last delivery; false when stopped",
            nullable=False,
        ),
        count("switches", "Switches of course or product"),
        yen("sales_jpy", "売上 of all its deliveries, credits deducted"),
        yen("discount_jpy", "Discounts on standing lines", minimum=0),
        text("repairs", "Rules that repaired it, each with how often, such as `overlapping_cycles 2`"),
    ),
)
