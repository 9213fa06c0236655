"""What the shopping alert says: who is about to stop, who is contacted and who is not, how it went month by month."""

from __future__ import annotations

from crm_platform.tables.table import DAY, WHOLE, Column, Table, count, day, days, flag, key, rate, real, text, yen

LAPSE_REASONS = ("beyond_own_cycle", "falling_level", "likely_stopped", "like_the_fallen")
TEST_GROUP_NAMES = ("treated", "control")  # グループ① / ②

LAPSE_ALERTS = Table(
    "lapse_alerts",
    grain="alerted customer",
    meaning="Good customers who are about to stop, judged by their own cycle (R80-R83)",
    key=("customer_id",),
    columns=(
        key("customer_id", "Customer number"),
        rate("lapse_risk", "Probability of a fall: less than half of the last six months' sales, or nothing"),
        days("gap_days", "Days since the last purchase"),
        real(
            "cycle_days",
            "The customer's cycle (購入周期の目安): own gaps, where few drawn to the typical",
            "days",
            minimum=0,
        ),
        real("days_beyond_cycle", "Days since the last purchase beyond that cycle; negative before it", "days"),
        yen("sales_6m_jpy", "売上 of the last six months: the purchasing power at stake (現在の購買力)"),
        real(
            "fallen_sales_jpy",
            "売上 of the next six months if the customer falls (ランクダウン後の購買力)",
            "JPY",
            minimum=0,
        ),
        real("expected_sales_jpy", "売上 expected in the next six months if nothing is done", "JPY", minimum=0),
        real("expected_profit_jpy", "Gross profit of it; null where cost is unknown", "JPY", nullable=True),
        real("expected_loss_jpy", "Risk × what the fall would cost in six months", "JPY", minimum=0),
        day("falls_on", "Day on which, if nothing more is bought, six months' sales are less than half of today's"),
        text("reason", "The strongest sign", allowed=LAPSE_REASONS, nullable=False),
    ),
)

TEST_GROUPS = Table(
    "test_groups",
    grain="customer of a test",
    meaning="Who of the alerted is contacted (①) and who is not (②), one campaign and channel at a time (R84, R92)",
    key=("customer_id",),
    columns=(
        key("customer_id", "Customer number"),
        key("campaign_id", "The campaign that the test belongs to"),
        text("test_group", "① treated or ② control", allowed=TEST_GROUP_NAMES, nullable=False),
        text("channel", "How a treated customer is contacted; null for the control group"),
        Column(
            "stratum", WHOLE, "Customers of a stratum are alike in class, value and risk", nullable=False, minimum=1
        ),
    ),
)

CAMPAIGN_GROUPS = Table(
    "campaign_groups",
    grain="customer of a campaign",
    meaning="The test groups of a month as they were when its campaign began; never replaced (R84, R92)",
    key=TEST_GROUPS.key,
    columns=TEST_GROUPS.columns,
)

CAMPAIGN_ALERTS = Table(
    "campaign_alerts",
    grain="customer alerted when a campaign began",
    meaning="What the alert of a month said when its campaign began; never replaced (R83, R90)",
    key=LAPSE_ALERTS.key,
    columns=LAPSE_ALERTS.columns,
)

ALERT_MONTHS = Table(
    "alert_months",
    grain="month of the history",
    meaning="How good customers came and went, month by month, and what keeping one cost (R89)",
    key=("month",),
    columns=(
        Column("month", DAY, "First day of the month", unit="date", nullable=False),
        flag("is_complete", "Whether the month's last day is known", nullable=False),
        count("upper_opening", "Upper customers (上位顧客) at the end of the month before"),
        count("upper_in", "Who became one in the month"),
        count("upper_out", "Who was one no longer at its end"),
        count("upper_closing", "Upper customers at its end: opening + in − out"),
        count("active_opening", "Active customers at the end of the month before"),
        count("became_dormant", "Who of them became dormant in the month (休眠化)"),
        rate(
            "dormancy_rate",
            "休眠化率: became dormant ÷ active at the opening; null where nobody was active",
            nullable=True,
        ),
        count("contacts", "Contacts of measured campaigns in the month"),
        yen("contact_cost_jpy", "What they cost; null where a price is unknown", nullable=True, minimum=0),
        real("retained_customers", "Customers kept by campaigns that began in it, by lift", "customers", nullable=True),
        real("cost_per_retained_jpy", "Their cost ÷ customers retained; null where none was", "JPY", nullable=True),
    ),
)
