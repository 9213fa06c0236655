"""Whom to win for one-off purchases (都度): subscribers past and present, and who of them is a target (R30-R34)."""

from __future__ import annotations

from crm_platform.tables.table import WHOLE, Column, Table, flag, key, rate, real, text

SUBSCRIPTION_STATES = ("continuing", "stopped")  # 継続中 解約
NEEDS = ("manifest", "latent")  # 顕在 潜在
TARGET_SEGMENTS = ("regular", "once", "quiet", "trial_only", "never")
TARGET_REASONS = (
    "interval_is_over",
    "bought_since_stop",
    "bought_beside",
    "bought_before",
    "stopped_lately",
    "like_customers",
)
STATUSES = ("own_data", "inferred")  # 自社データ 推論
RETURN_BASES = ("profit", "sales")

_SAID = (
    key("customer_id", "Customer number"),
    text(
        "subscription_state",
        "継続中 / 解約: whether any subscription runs",
        allowed=SUBSCRIPTION_STATES,
        nullable=False,
    ),
    text("need", "顕在: bought one-off (都度) before; 潜在: not yet", allowed=NEEDS, nullable=False),
    text(
        "segment",
        "Buys one-off again and again, bought once, long ago, trial sizes (お試し) only, never",
        allowed=TARGET_SEGMENTS,
        nullable=False,
    ),
    text("product_group", "The group (商品群) to offer; null where none was sold one-off in the past year"),
    rate("p_buys", "Probability of a one-off purchase in the six months; null where not foretold", nullable=True),
    real(
        "expected_sales_jpy",
        "One-off 売上 expected in the six months; null where not foretold",
        "JPY",
        nullable=True,
        minimum=0,
    ),
    real("sales_p10_jpy", "About nine in ten with such an end above 0 buy for more", "JPY", nullable=True, minimum=0),
    real("sales_p90_jpy", "About one in ten at most buys for more", "JPY", nullable=True, minimum=0),
    real(
        "expected_return_times",
        "What a contact is expected to add, per yen of its cost; null where not foretold, or a contact costs nothing",
        "JPY per JPY",
        nullable=True,
    ),
    text("return_basis", "Gross profit, or sales where the group's cost is not known", allowed=RETURN_BASES),
    text("reason", "What speaks most for the customer", allowed=TARGET_REASONS, nullable=False),
    text("status", "Own one-off buyers suffice, or they are too few: 推論 (R36)", allowed=STATUSES, nullable=False),
)

ONE_OFF_CANDIDATES = Table(
    "one_off_candidates",
    grain="customer who has subscribed by the as-of date",
    meaning="Every subscriber, past or present: state, need, one-off sales (都度) to expect (R30, R31)",
    key=("customer_id",),
    columns=(*_SAID, flag("is_target", "Whether a contact is worth its cost", nullable=False)),
)

TARGETS = Table(
    "targets",
    grain="target",
    meaning="Whom to contact for one-off purchases (都度), the best first; as many rows as targets (R32, R34)",
    key=("customer_id",),
    columns=(
        Column("rank", WHOLE, "1 is the highest expected one-off sales", unit="rank", nullable=False, minimum=1),
        *_SAID,
    ),
)
