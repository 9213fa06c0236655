"""The vocabulary: every table of the platform, declared once — grain, key, columns with unit, meaning and rules.

Belongs here: declarations, and what follows from them alone (Arrow schema, pandera schema, data dictionary).
Does not: reading, computing or writing rows.
"""

from crm_platform.tables import alerts, analyses, delivered, facts, portfolio
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
        delivered.CONTROL_TOTALS,
        delivered.QUARANTINED_ROWS,
        facts.CUSTOMER_DAYS,
        facts.CUSTOMER_MONTHS,
        facts.CUSTOMER_PRODUCT_MONTHS,
        facts.PRODUCT_MONTHS,
        facts.MEDIA_MONTHS,
        analyses.CUSTOMER_HISTORY,
        analyses.FORECASTS,
        analyses.SEGMENT_BOOK,
        analyses.SEGMENTS,
        analyses.FORMER_SEGMENTS,
        analyses.CPM_CLASSES,
        alerts.LAPSE_ALERTS,
        alerts.TEST_GROUPS,
        alerts.CAMPAIGN_GROUPS,
        alerts.CAMPAIGN_ALERTS,
        alerts.ALERT_MONTHS,
        analyses.CONTACT_DATES,
        portfolio.CPM_MOVES,
        portfolio.CROSS_SELL,
        portfolio.DORMANT_CUSTOMERS,
    )
}

__all__ = ["TABLES", "Column", "Fault", "Table", "alerts", "analyses", "delivered", "facts", "portfolio"]
