"""The lists among the deliverables: customer numbers by what is to be done with them, and what was delivered (R39)."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.diagnosis import Diagnosis
from crm_platform.diagnosis.current_state import customer_list, missed_customers
from crm_platform.facts import order_kinds
from crm_platform.orchestration.assets.drawn_reports import words_of
from crm_platform.orchestration.assets.segments import as_booked
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.reports import (
    alert_customers_csv,
    alert_reasons_csv,
    contact_dates_csv,
    contact_lists_csv,
    cpm_classes_csv,
    cross_sell_csv,
    customer_powers_csv,
    dormant_customers_csv,
    missed_by_client_rank_csv,
    regular_buyers_csv,
    segments_csv,
    stop_warnings_csv,
    targets_csv,
    test_groups_csv,
)
from crm_platform.reports.acceptance import (
    delivery_judgement_csv,
    order_kinds_csv,
    quarantine_csv,
    receipts_json,
    subscription_repairs_csv,
    test_totals_csv,
)
from crm_platform.reports.left_out import TWO_TRACK


def lists_of(at: ClientMonth) -> dict[str, bytes]:
    """Every list of the month by path."""
    customers = {**second_opinion(at), **shopping_alert(at), **customer_lists(at), **two_track_lists(at)}
    return {**acceptance(at), **customers}


def acceptance(at: ClientMonth) -> dict[str, bytes]:
    """What was delivered, what was not admitted and why, how the whole looks, and the totals to confirm (検収, R39)."""
    wording, encoding = words_of(at), at.client.csv_encoding
    judgement, totals = at.document("delivery_judgement"), at.data.merged["control_totals"]
    totals = totals.filter(pc.less_equal(totals["month"], pa.scalar(at.month.first_day)))
    return {
        **{f"acceptance/data_docs/{path}": page.encode() for path, page in judgement["data_docs"].items()},
        "acceptance/delivery_judgement.csv": delivery_judgement_csv(judgement["expectations"], wording, encoding),
        "acceptance/receipts.json": receipts_json([delivery.receipt for delivery in at.data.deliveries]),
        "acceptance/quarantine.csv": quarantine_csv(at.data.merged["quarantined_rows"], wording, encoding),
        "acceptance/order_kinds.csv": order_kinds_csv(order_kinds(at.past("product_months")), wording, encoding),
        "acceptance/subscription_repairs.csv": subscription_repairs_csv(
            at.document("subscription_repairs"), wording, encoding
        ),
        "acceptance/test_totals.csv": test_totals_csv(at.past("order_lines"), totals, wording, encoding),
    }


def second_opinion(at: ClientMonth) -> dict[str, bytes]:
    """Every customer's segment, levels and offer, and whom the client's own rank misses."""
    wording, encoding = words_of(at), at.client.csv_encoding
    diagnosis = Diagnosis.from_json(at.document("diagnosis"))
    return {
        **missed_by_rank(at, diagnosis),
        **customer_powers(at, diagnosis),
        "second_opinion/segments.csv": segments_csv(at.arrow("segments"), wording, encoding),
    }


def missed_by_rank(at: ClientMonth, diagnosis: Diagnosis) -> dict[str, bytes]:
    """The customer numbers behind the finding `client_rank` (R63); nothing where the client delivered no rank."""
    found = next((finding for finding in diagnosis.findings if finding.key == "client_rank"), None)
    if found is None:
        return {}
    classes, top_rank = as_booked(at).settings.value_classes, str(found.numbers["top_rank"])
    missed = missed_customers(at.expression("segments"), at.expression("customers"), top_rank, classes).to_pyarrow()
    listed = missed_by_client_rank_csv(missed["customer_id"].to_pylist(), words_of(at), at.client.csv_encoding)
    return {"second_opinion/missed_by_client_rank.csv": listed}


def customer_powers(at: ClientMonth, diagnosis: Diagnosis) -> dict[str, bytes]:
    """Every customer's levels of the three powers, kind and offer, by the rules that the diagnosis prints (R53-R57)."""
    tables = (at.expression(name) for name in ("customer_history", "forecasts", "segments"))
    listed = customer_list(diagnosis.findings, *tables)
    if listed is None:
        return {}
    written = customer_powers_csv(listed.to_pyarrow(), words_of(at), at.client.csv_encoding)
    return {"second_opinion/customer_powers.csv": written}


def shopping_alert(at: ClientMonth) -> dict[str, bytes]:
    """Whom the alert names and why, and the groups of its test (R81, R84, R92, R93)."""
    wording, encoding, alerts = words_of(at), at.client.csv_encoding, at.arrow("lapse_alerts")
    groups, channels = at.arrow("test_groups"), [channel.name for channel in at.client.alert_channels]
    lists = contact_lists_csv(groups, channels, wording, encoding)
    return {
        "shopping_alert/alert_customers.csv": alert_customers_csv(alerts, wording, encoding),
        "shopping_alert/alert_reasons.csv": alert_reasons_csv(alerts, wording, encoding),
        "shopping_alert/test_groups.csv": test_groups_csv(groups, wording, encoding),
        **{f"shopping_alert/{file}": content for file, content in lists.items()},
    }


def customer_lists(at: ClientMonth) -> dict[str, bytes]:
    """The portfolio's lists of customer numbers."""
    wording, encoding = words_of(at), at.client.csv_encoding
    return {
        "portfolio/cpm_classes.csv": cpm_classes_csv(at.arrow("cpm_classes"), wording, encoding),
        "portfolio/cross_sell.csv": cross_sell_csv(at.arrow("cross_sell"), wording, encoding),
        "portfolio/dormant_customers.csv": dormant_customers_csv(at.arrow("dormant_customers"), wording, encoding),
        "portfolio/regular_buyers.csv": regular_buyers_csv(at.arrow("regular_buyers"), wording, encoding),
        "portfolio/contact_dates.csv": contact_dates_csv(at.arrow("contact_dates"), wording, encoding),
    }


def two_track_lists(at: ClientMonth) -> dict[str, bytes]:
    """Whom to win for one-off purchases (R30-R32), and whose subscription is about to stop (R33)."""
    wording, encoding = words_of(at), at.client.csv_encoding
    return {
        f"{TWO_TRACK}targets.csv": targets_csv(at.arrow("targets"), wording, encoding),
        f"{TWO_TRACK}stop_warnings.csv": stop_warnings_csv(at.arrow("stop_warnings"), wording, encoding),
    }
