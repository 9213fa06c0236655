"""The 3S of subscriptions (Skip, Switch, Stop: R33), and who shows the signs that come before a stop."""

from __future__ import annotations

from crm_platform.tables.table import DAY, WHOLE, Column, Table, count, flag, key, rate, text, yen

STOP_SIGNS = (
    "skipped",
    "skipped_twice",
    "longer_interval",
    "other_course",
    "shipped_late",
    "came_back",
    "lapse_point_ahead",
    "term_ends",
)

THREE_S_MONTHS = Table(
    "three_s_months",
    grain="month of the delivery × cycle × course × product × medium",
    meaning="Skip, switch, stop and resume (定期の3S) after the deliveries of a month, and who was at risk (R33)",
    key=("month", "cycle_no", "course", "product_id", "media_id"),
    columns=(
        Column("month", DAY, "Month of the delivery that they followed; of the event where it is not in the data",
               unit="date", nullable=False),
        Column("cycle_no", WHOLE, "Number of that delivery (定期回数, counted by the platform)", unit="number",
               nullable=False, minimum=0),
        key("course", "Course of the delivery; `(none)` where it has none"),
        key("product_id", "Product of the subscription"),
        key("media_id", "Medium of the subscription; `(none)` where no delivery names one"),
        count("deliveries", "Cycles begun: deliveries ordered, those of one cycle counted once"),
        yen("sales_jpy", "売上 of these deliveries, credits deducted"),
        count("skips", "Skips, several in a row each counted (スキップ)"),
        count("switches", "Switches of course or product (スイッチ)"),
        count("stops", "Stops, silent ones included (ストップ)"),
        count("resumes", "Resumes"),
        count("at_risk", "Subscriptions whose cycle is over, so that it is known what became of it"),
        count("skipped", "Of those at risk: who skipped"),
        count("switched", "Of those at risk: who switched"),
        count("stopped", "Of those at risk: who stopped"),
        count("first_at_risk", "Of those at risk: who had never stopped before"),
        count("first_stopped", "Of these: who stopped"),
    ),
)  # fmt: skip

STOP_WARNINGS = Table(
    "stop_warnings",
    grain="continuing subscription (継続中)",
    meaning="How likely each continuing subscription is to stop, beside its cycle, and the sign that says so (R33)",
    key=("subscription_id",),
    columns=(
        key("subscription_id", "Subscription contract"),
        text("customer_id", "Customer number", nullable=False),
        Column("cycle_no", WHOLE, "Number of the last delivery", unit="number", nullable=False, minimum=1),
        rate("risk", "Probability of a stop after the last delivery or the one that follows it"),
        rate("base_rate", "The same of all that stand after the same delivery, so far into the cycle"),
        text("reason", "The sign that lifts the risk most; null where it shows none", allowed=STOP_SIGNS),
        yen("expected_sales_at_risk_jpy", "Risk × 売上 of the deliveries expected in six months", minimum=0),
        flag("is_warned", "A proven sign, and a risk well above the base", nullable=False),
    ),
)
