"""What the analytical chapters say of each customer, as known at the end of a month."""

from __future__ import annotations

from crm_platform.tables.table import WHOLE, Column, Table, count, day, days, flag, key, rate, real, text, yen

CPM_STAGES = ("first", "toddler", "steady", "trend", "premium")  # 初回 よちよち コツコツ 流行 優良
CPM_CLASS_NAMES = tuple(f"{stage}_{state}" for stage in CPM_STAGES for state in ("active", "lapsed"))  # 現役 / 離脱
BUYER_KINDS = ("returned", "stalled", "big_ticket", "frequent_small", "other")  # 数年ぶり 1回高額で停滞 高単価 少額反復

CUSTOMER_HISTORY = Table(
    "customer_history",
    grain="customer known at the month's end",
    meaning="Each customer as known at the as-of date: rhythm, amounts, state. Nothing of it knows the future",
    key=("customer_id",),
    columns=(
        key("customer_id", "Customer number"),
        day("as_of", "The month's last day, or the last day with data where the month is not complete", nullable=False),
        day("registered_on", "Day of registration, or of the first line where the master has none", nullable=False),
        day("first_purchased_on", "First purchase day (初回購入日)"),
        day("second_purchased_on", "Second purchase day (F2)"),
        day("last_purchased_on", "Last purchase day (最終購入日)"),
        day("returned_on", "First purchase day after the latest silence of two years or more (数年ぶり)"),
        count("purchase_days", "Days with a purchase (購入回数)"),
        count("orders", "Orders placed, cancelled ones included"),
        count("standing_orders", "Orders that stand"),
        count("cancelled_orders", "Orders cancelled or returned whole"),
        days("tenure_days", "Last minus first purchase day (在籍期間); 0 for one-time buyers"),
        days("gap_days", "As-of date minus last purchase day (離脱期間); since registration where nothing was bought"),
        real(
            "cycle_days",
            "Mean days between the customer's own purchase days (購入周期)",
            "days",
            nullable=True,
            minimum=0,
        ),
        real(
            "cycle_sd_days",
            "Standard deviation of those days; null below three purchase days",
            "days",
            nullable=True,
            minimum=0,
        ),
        yen("ordered_jpy", "受注金額, all history", minimum=0),
        yen("sales_jpy", "売上, all history (累計購入金額)"),
        yen("returned_jpy", "Credits, all history", minimum=0),
        yen("subscription_sales_jpy", "Subscription part (定期)"),
        yen("one_off_sales_jpy", "One-off part (都度)"),
        yen("bulk_sales_jpy", "Bulk part (まとめ売り)"),
        count("subscription_orders", "Standing subscription orders"),
        yen("ordered_6m_jpy", "受注金額 of the six months to the month's end", minimum=0),
        yen("sales_6m_jpy", "売上 of the six months to the month's end"),
        yen("sales_12m_jpy", "売上 of the twelve months to the month's end"),
        count("purchase_days_12m", "Purchase days in the twelve months to the month's end"),
        day("last_subscribed_on", "Last month (its first day) with a subscription order"),
        text("first_product_id", "Main product of the first purchase"),
        text("first_order_kind", "Kind of the first purchase"),
        text("first_media_id", "Medium of the first purchase, else of the master"),
    ),
)

FORECASTS = Table(
    "forecasts",
    grain="customer known at the month's end",
    meaning="Six months of sales per customer, as foreseen at the as-of date (6ヶ月LTV, R50)",
    key=("customer_id",),
    columns=(
        key("customer_id", "Customer number"),
        rate("p_active", "Probability that the customer has not lapsed"),
        real("expected_orders", "Purchase days expected in the six months", "purchase days", minimum=0),
        real("expected_sales_jpy", "売上 expected in the six months", "JPY", minimum=0),
        real("expected_subscription_sales_jpy", "Its subscription part (定期)", "JPY", minimum=0),
        real("expected_one_off_sales_jpy", "The rest of it (都度・まとめ売り)", "JPY", minimum=0),
        real("sales_p10_jpy", "About nine in ten customers with such an end above 0 buy for more", "JPY", minimum=0),
        real("sales_p90_jpy", "About one in ten of all customers buys for more", "JPY", minimum=0),
        rate("retention_power_rate", "継続力: probability of at least one purchase in the six months (R53)"),
        real(
            "purchasing_power_jpy",
            "購買力: 受注金額 expected in six months in which the customer buys (R54)",
            "JPY",
            minimum=0,
        ),
        real("profitability_jpy", "収益力: retention power × purchasing power (R55)", "JPY", minimum=0),
        real(
            "expected_profit_jpy",
            "Gross profit expected in the six months; null where cost is unknown",
            "JPY",
            nullable=True,
        ),
        rate("lapse_risk", "Probability of a fall: less than half of the last six months' sales, or nothing (R80)"),
        real(
            "fallen_sales_jpy",
            "売上 of the six months if the customer falls (ランクダウン後の購買力, R83)",
            "JPY",
            minimum=0,
        ),
    ),
)

SEGMENT_BOOK = Table(
    "segment_book",
    grain="customer known when the book was issued",
    meaning="The frozen book of value segments: written once, never changed inside its term (R51)",
    key=("customer_id",),
    columns=(
        key("customer_id", "Customer number"),
        Column("value_class", WHOLE, "Value class, 1 the highest", unit="class", nullable=False, minimum=1),
        real("expected_sales_jpy", "The forecast that decided the class", "JPY", minimum=0),
        day("valid_from", "First day of the term", nullable=False),
        day("valid_to", "Last day of the term", nullable=False),
    ),
)

SEGMENTS = Table(
    "segments",
    grain="customer known at the month's end",
    meaning="The segment in force for each customer: from the book, or new within its term (期間内新規)",
    key=("customer_id",),
    columns=(
        key("customer_id", "Customer number"),
        Column("value_class", WHOLE, "Value class; null for customers new within the term", unit="class", minimum=1),
        flag("is_new_in_term", "期間内新規: not yet in the book", nullable=False),
        real("expected_sales_jpy", "The present forecast; it does not move the segment", "JPY", minimum=0),
        text(
            "buyer_kind",
            "Kind of buyer today (R56): 数年ぶり・1回高額で停滞・高単価・少額反復",
            allowed=BUYER_KINDS,
            nullable=False,
        ),
        day("valid_from", "First day of the term", nullable=False),
        day("valid_to", "Last day of the term", nullable=False),
    ),
)

FORMER_BOOK = Table(
    "former_book",
    grain="customer known six months before the term began",
    meaning="The book that would have been issued six months before; without a row where one was in force (R65)",
    key=SEGMENT_BOOK.key,
    columns=SEGMENT_BOOK.columns,
)

FORMER_SEGMENTS = Table(
    "former_segments",
    grain="customer of the book six months before",
    meaning="The segments of six months ago, what came of them, and how many moved, beside RFM (R52, R65)",
    key=("customer_id",),
    columns=(
        key("customer_id", "Customer number"),
        Column("value_class", WHOLE, "Value class then, 1 the highest", unit="class", nullable=False, minimum=1),
        real("expected_sales_jpy", "The forecast that decided the class", "JPY", minimum=0),
        flag("was_issued", "Whether the book was issued then, or made anew from what was known then", nullable=False),
        Column("rfm_class", WHOLE, "RFM in as many classes, then", unit="class", nullable=False, minimum=1),
        Column("value_class_now", WHOLE, "Value class in a book issued today", unit="class", minimum=1),
        Column("rfm_class_now", WHOLE, "RFM in as many classes, today", unit="class", minimum=1),
        yen("sales_since_jpy", "売上 of the six months since"),
        text("client_rank", "The client's own rank of the customer"),
        flag("rank_is_of_then", "Whether that rank was delivered by then, or is today's", nullable=False),
    ),
)

CPM_CLASSES = Table(
    "cpm_classes",
    grain="customer known at the month's end",
    meaning="Customer portfolio management: exactly one of ten classes by tenure, amount and gap (R100)",
    key=("customer_id",),
    columns=(
        key("customer_id", "Customer number"),
        text("cpm_class", "初回・よちよち・コツコツ・流行・優良 × 現役・離脱", allowed=CPM_CLASS_NAMES, nullable=False),
        days("tenure_days", "在籍期間"),
        days("gap_days", "離脱期間"),
        yen("sales_jpy", "累計購入金額"),
        yen("amount_threshold_jpy", "The amount that separates steady from trend and premium", minimum=0),
    ),
)
