"""When to contact each customer next, and how long a unit of each product lasts (次いつお電話したらいいのか)."""

from __future__ import annotations

from crm_platform.tables.table import WHOLE, Column, Table, count, day, days, flag, key, text

SUPPLY_SOURCES = ("product_master", "learned")
LAST_SOURCES = (*SUPPLY_SOURCES, "own_cycle", "customer_setting", "subscription")
CONTACT_REASONS = (*LAST_SOURCES, "sent", "declined", "no_answer", "next_cycle", "stated_day", "hold", "lapsed")

PRODUCT_SUPPLY = Table(
    "product_supply",
    grain="product that is no give-away and has days of supply or a repeat",
    meaning="Days that one unit lasts (使用日数): the product master's, beside those that repeat purchases tell",
    key=("product_id",),
    columns=(
        key("product_id", "Product code"),
        Column("master_days", WHOLE, "Days of supply of the product master", unit="days", minimum=1),
        Column("learned_days", WHOLE, "Median over repeats of gap ÷ units", unit="days", minimum=1),
        Column("learned_low_days", WHOLE, "Lower quartile of the same", unit="days", minimum=1),
        Column("learned_high_days", WHOLE, "Upper quartile of the same", unit="days", minimum=1),
        count("repeats", "Repeats that it was learned from: gaps between two deliveries to one customer"),
        count("customers", "Customers who made them"),
        Column("supply_days", WHOLE, "Days in force; null where repeats are too few and no master says", unit="days"),
        text("supply_source", "Where they come from", allowed=SUPPLY_SOURCES),
        flag("contradicts_master", "The repeats differ from the master beyond chance and spread", nullable=False),
    ),
)

CONTACT_DATES = Table(
    "contact_dates",
    grain="customer who bought or was sent something lately and whose supply is known, or for whom a day was set",
    meaning="When the product runs out, and so when to contact the customer (R107, R108)",
    key=("customer_id",),
    columns=(
        key("customer_id", "Customer number"),
        day(
            "next_contact_on",
            "When to contact the customer; of a subscriber the next delivery; of a lapsed call its day",
            nullable=False,
        ),
        text("reason", "What the day follows from", allowed=CONTACT_REASONS, nullable=False),
        flag(
            "to_call",
            "Contact on that day; false of a subscriber, who is supplied, and of a lapsed call",
            nullable=False,
        ),
        text("product_id", "The product that runs out first of the last delivery, or that the subscription delivers"),
        day("supplied_on", "Last delivery, or the contact at which the product was sent, from which is counted"),
        days("supply_days", "Days that this delivery lasts", nullable=True),
        text("supply_source", "Where these days come from", allowed=LAST_SOURCES),
        day("runs_out_on", "supplied_on + supply_days; of a subscriber the next delivery"),
    ),
)
