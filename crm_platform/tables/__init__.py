"""The vocabulary: every table of the platform, declared once — grain, key, columns with unit, meaning and rules.

Belongs here: declarations, and what follows from them alone (Arrow schema, pandera schema, data dictionary).
Does not: reading, computing or writing rows.
"""

from crm_platform.tables import (
    alerts,
    analyses,
    contact_dates,
    delivered,
    facts,
    portfolio,
    subscriptions,
    targets,
    three_s,
    two_track,
)
from crm_platform.tables.table import Column, Fault, Table

TABLES: dict[str, Table] = {
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
        delivered.QUARANTINED_ROWS,
        facts.CUSTOMER_DAYS,
        facts.CUSTOMER_MONTHS,
        facts.CUSTOMER_PRODUCT_MONTHS,
        facts.PRODUCT_MONTHS,
        facts.MEDIA_MONTHS,
        subscriptions.SUBSCRIPTION_DELIVERIES,
        analyses.CUSTOMER_HISTORY,
        subscriptions.SUBSCRIPTION_CYCLES,
        subscriptions.KNOWN_SUBSCRIPTION_EVENTS,
        subscriptions.SUBSCRIPTIONS,
        analyses.FORECASTS,
        analyses.SEGMENT_BOOK,
        analyses.FORMER_BOOK,
        analyses.SEGMENTS,
        analyses.FORMER_SEGMENTS,
        analyses.CPM_CLASSES,
        alerts.LAPSE_ALERTS,
        alerts.TEST_GROUPS,
        alerts.CAMPAIGN_GROUPS,
        alerts.CAMPAIGN_ALERTS,
        alerts.ALERT_MONTHS,
        contact_dates.PRODUCT_SUPPLY,
        contact_dates.CONTACT_DATES,
        targets.ONE_OFF_CANDIDATES,
        targets.TARGETS,
        three_s.THREE_S_MONTHS,
        three_s.STOP_WARNINGS,
        two_track.TWO_TRACK_VALUES,
        portfolio.CPM_MOVES,
        portfolio.CROSS_SELL,
        portfolio.DORMANT_CUSTOMERS,
        portfolio.REGULAR_BUYERS,
    )
}

__all__ = [
    "TABLES",
    "Column",
    "Fault",
    "Table",
    "alerts",
    "analyses",
    "contact_dates",
    "delivered",
    "facts",
    "portfolio",
    "subscriptions",
    "targets",
    "three_s",
    "two_track",
]
