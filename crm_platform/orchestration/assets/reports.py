"""The deliverables as an asset: the month's folder in the outbox, and its manifest as the stored document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, TypeVar

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.diagnosis import Diagnosis
from crm_platform.diagnosis.current_state import customer_list, missed_customers
from crm_platform.diagnosis.lineage import Delivered
from crm_platform.facts import fee_basis, order_kinds
from crm_platform.lake import digest_of
from crm_platform.orchestration.assets.segments import as_booked, book_digest
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.code_digest import engine_versions
from crm_platform.orchestration.gates import blocked_because, project_record
from crm_platform.orchestration.recipe import Reads, Recipe, everything
from crm_platform.orchestration.segment_books import book_in_force, described_book
from crm_platform.projects import Stage
from crm_platform.reports import (
    Report,
    Wording,
    alert_customers_csv,
    alert_reasons_csv,
    alert_report,
    contact_dates_csv,
    contact_lists_csv,
    cpm_classes_csv,
    cross_sell_csv,
    customer_powers_csv,
    delivery_judgement_csv,
    diagnosis_report,
    dormant_customers_csv,
    manifest,
    missed_by_client_rank_csv,
    order_kinds_csv,
    portfolio_report,
    preview_counts_csv,
    preview_report,
    publish,
    published_manifest,
    quarantine_csv,
    receipts_json,
    segments_csv,
    stop_warnings_csv,
    subscription_repairs_csv,
    targets_csv,
    test_groups_csv,
    test_totals_csv,
    two_track_report,
    write_htmls,
    write_pdf,
)
from crm_platform.reports.left_out import CONTACT_DATES, TWO_TRACK, given_and_left_out
from crm_platform.two_track.left_out import left_out_of

_SAME_MONTH = (
    "customers",
    "customer_history",
    "forecasts",
    "delivery_judgement",
    "diagnosis",
    "alert_diagnosis",
    "portfolio_diagnosis",
    "two_track_diagnosis",
    "segments",
    "lapse_alerts",
    "test_groups",
    "cpm_classes",
    "cross_sell",
    "dormant_customers",
    "contact_dates",
    "targets",
    "stop_warnings",
    "subscription_repairs",
    "preview_counts",
)
Shown = TypeVar("Shown", bytes, Report)
_STUDY, _PREVIEW = TWO_TRACK, "preview/preview_report"


def specification(at: ClientMonth) -> dict[str, str]:
    """What the deliveries say of themselves: how each was read, what was admitted."""
    return {"deliveries": digest_of([delivery.receipt for delivery in at.data.deliveries])}


def project_digest(at: ClientMonth) -> dict[str, str]:
    """What the manifest says of the project, and what is withheld."""
    platform, client = at.data.platform, at.client
    said = [project_record(platform, client, at.month), blocked_because(platform, client, Stage.STUDY)]
    return {"project": digest_of(said)}


def is_published(at: ClientMonth) -> bool:
    """Whether the outbox still holds what the stored manifest lists; a damaged manifest lists nothing."""
    try:
        published: Any = published_manifest(at.data.platform.outbox, at.client.id, at.month)
    except (ValueError, LookupError, TypeError):
        return False
    return bool(published == at.document("deliverables"))


def where_published(at: ClientMonth, document: Any) -> dict[str, Any]:
    """The folder in the outbox, and how many rows each list has."""
    rows = {path: entry["rows"] for path, entry in document["files"].items() if entry["rows"] is not None}
    folder = at.data.platform.outbox / at.client.id / str(at.month)
    return {"outbox": dg.MetadataValue.path(str(folder)), "rows": dg.MetadataValue.json(rows)}


@client_month_asset(
    Recipe(
        "deliverables",
        "reports",
        {
            **dict.fromkeys(_SAME_MONTH, Reads.SAME_MONTH),
            "order_lines": Reads.UP_TO_MONTH,
            "product_months": Reads.UP_TO_MONTH,
        },
        settings=everything,
        further_inputs=lambda at: {**specification(at), **book_digest(at), **project_digest(at)},
        still_there=is_published,
    ),
    describe=where_published,
)
def deliverables(at: ClientMonth) -> Any:
    """The month's folder in the outbox: report as PDF and HTML, the CSVs, the acceptance, and the manifest."""
    lists = {**second_opinion(at), **shopping_alert(at), **customer_lists(at), **two_track_lists(at)}
    made = {**acceptance(at), **written_reports(reports_of(at)), **lists, **counted(at)}
    given, left_out = given_and_left_out(made, left_out_of(at.document("two_track_diagnosis")), words_of(at))
    files, withheld = of_the_study(at, given)
    listed = manifest(
        files,
        client=at.client.id,
        months=at.history_months,
        spec_fingerprint=specification(at)["deliveries"],
        versions={"crm-platform": version("crm-platform"), **engine_versions()},
        fee_basis=fee_basis(
            at.past("product_months"),
            at.arrow("segments").num_rows,
            at.as_of,
            at.client.business_year_start_month,
        ),
        same_spec=at.data.deliveries[-1].receipt["same_spec"],
        spec_differences=at.data.deliveries[-1].receipt["spec_differences"],
        segment_book=described_book(at.data, book_in_force(at) or at.month).to_json(),
        project=project_record(at.data.platform, at.client, at.month),
        withheld=withheld,
        left_out=left_out,
    )
    publish(at.data.platform.outbox, at.client.id, at.month, {**files, "manifest.json": listed})
    return json.loads(listed)


def words_of(at: ClientMonth) -> Wording:
    """The client's words, with names for as many value classes as the book in force has."""
    return Wording.of(at.client.language, as_booked(at).settings.value_classes)


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


def reports_of(at: ClientMonth) -> dict[str, Report]:
    """The month's reports by path (R68, R93), the second opinion first; last the preview of all of them (R40)."""
    language = at.client.language
    deliveries = [Delivered.from_receipt(delivery.receipt) for delivery in at.data.deliveries]
    reports = {
        "second_opinion/diagnosis_report": diagnosis_report(
            Diagnosis.from_json(at.document("diagnosis")), language, deliveries=deliveries
        ),
        "shopping_alert/alert_report": alert_report(Diagnosis.from_json(at.document("alert_diagnosis")), language),
        "portfolio/portfolio_report": portfolio_report(
            Diagnosis.from_json(at.document("portfolio_diagnosis")), language, deliveries=deliveries
        ),
    }
    two_tracks = at.document("two_track_diagnosis")
    if left_out_of(two_tracks) is None:
        reports[f"{_STUDY}two_track_report"] = two_track_report(
            Diagnosis.from_json(two_tracks), language, deliveries=deliveries
        )
    shown, _withheld = of_the_study(at, reports)
    preview = preview_report(list(shown.values()), at.document("preview_counts"), words_of(at))
    return {**reports, _PREVIEW: preview}


def written_reports(reports: Mapping[str, Report]) -> dict[str, bytes]:
    """Each report as PDF and HTML."""
    pages = write_htmls(list(reports.values()))
    return {
        **{f"{path}.pdf": write_pdf(report) for path, report in reports.items()},
        **{f"{path}.html": page for path, page in zip(reports, pages, strict=True)},
    }


def preview_of(at: ClientMonth) -> dict[str, bytes]:
    """What may be seen without a customer number (プレビュープラン, R40), byte for byte as among the deliverables.

    The other reports are drawn beside it, since all pages share the letters of their fonts.
    """
    reports = reports_of(at)
    page = write_htmls(list(reports.values()))[-1]
    return {f"{_PREVIEW}.pdf": write_pdf(reports[_PREVIEW]), f"{_PREVIEW}.html": page, **counted(at)}


def counted(at: ClientMonth) -> dict[str, bytes]:
    """How many customers each analysis found."""
    written = preview_counts_csv(at.document("preview_counts"), words_of(at), at.client.csv_encoding)
    return {"preview/counts.csv": written}


def of_the_study(at: ClientMonth, files: Mapping[str, Shown]) -> tuple[dict[str, Shown], dict[str, str]]:
    """`files` by path without those of the study (可能性検討) while a gate before it is open, and why (R38)."""
    reason = blocked_because(at.data.platform, at.client, Stage.STUDY)
    if reason is None:
        return dict(files), {}
    return {path: content for path, content in files.items() if not path.startswith(_STUDY)}, {_STUDY: reason}


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
        CONTACT_DATES: contact_dates_csv(at.arrow("contact_dates"), wording, encoding),
    }


def two_track_lists(at: ClientMonth) -> dict[str, bytes]:
    """Whom to win for one-off purchases (R30-R32), and whose subscription is about to stop (R33)."""
    wording, encoding = words_of(at), at.client.csv_encoding
    return {
        f"{_STUDY}targets.csv": targets_csv(at.arrow("targets"), wording, encoding),
        f"{_STUDY}stop_warnings.csv": stop_warnings_csv(at.arrow("stop_warnings"), wording, encoding),
    }
