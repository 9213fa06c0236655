"""Every asset, a module per chapter, in the order in which the data runs."""

from crm_platform.orchestration.assets import (
    alerts,
    diagnosis,
    facts,
    forecast,
    history,
    intake,
    reports,
    segments,
    two_track,
)

EVERY_MONTH = (  # made for each month of a client's history
    intake.order_lines,
    facts.customer_days,
    facts.customer_months,
    facts.customer_product_months,
    facts.product_months,
    facts.media_months,
)
MONTHS_ASKED_FOR = (  # made for the month somebody asks for, from the facts of all months before it
    intake.products,
    intake.customers,
    intake.media,
    intake.delivery_judgement,
    history.customer_history,
    forecast.forecast_model,
    forecast.former_model,
    forecast.forecasts,
    segments.segment_book,
    segments.segments,
    segments.former_segments,
    segments.cpm_classes,
    alerts.lapse_alerts,
    alerts.test_groups,
    alerts.campaign_results,
    alerts.backtest,
    alerts.alert_months,
    two_track.contact_dates,
    diagnosis.diagnosis,
    diagnosis.alert_diagnosis,
    reports.deliverables,
)
