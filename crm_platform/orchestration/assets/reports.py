"""The deliverables as an asset: the month's folder in the outbox, and its manifest as the stored document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import dagster as dg

from crm_platform.orchestration.assets.drawn_reports import (
    month_letter,
    pages_and_preview,
    printed,
    reports_of,
    services_digest,
    specification,
    words_of,
)
from crm_platform.orchestration.assets.lists import lists_of
from crm_platform.orchestration.assets.proposals import month_proposals
from crm_platform.orchestration.assets.quotes import month_quote
from crm_platform.orchestration.assets.segments import book_digest
from crm_platform.orchestration.assets.study_gate import (
    about_to_publish,
    of_the_study,
    project_digest,
    study_waits_because,
)
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.code_digest import engine_versions
from crm_platform.orchestration.gates import project_record
from crm_platform.orchestration.recipe import Reads, Recipe, everything
from crm_platform.orchestration.segment_books import book_in_force, described_book
from crm_platform.reports import manifest, publish, published_manifest
from crm_platform.reports.left_out import TWO_TRACK, given_and_left_out, ordered_and_left_out
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
    "monthly_letter",
    "segments",
    "lapse_alerts",
    "test_groups",
    "cpm_classes",
    "cross_sell",
    "dormant_customers",
    "regular_buyers",
    "contact_dates",
    "targets",
    "stop_warnings",
    "subscription_repairs",
    "preview_counts",
)


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
        further_inputs=lambda at: {
            **specification(at),
            **book_digest(at),
            **project_digest(at),
            **services_digest(at),
        },
        still_there=is_published,
    ),
    describe=where_published,
)
def deliverables(at: ClientMonth) -> Any:
    """The month's folder in the outbox: reports, lists, proposals, acceptance, quote and manifest."""
    reports = reports_of(at)
    made = {**lists_of(at), **printed(reports)}
    publishing = about_to_publish(at, given_of(at, made)[0])
    waits = study_waits_because(at, publishing)
    quoted = month_quote(at)
    papers = {**quoted, **month_proposals(at, quoted)}
    given, left_out = given_of(at, {**made, **pages_and_preview(at, reports, waits), **papers})
    files = of_the_study(given, waits)
    files |= month_letter(at, files)
    listed = manifest(
        files,
        client=at.client.id,
        months=at.history_months,
        spec_fingerprint=specification(at)["deliveries"],
        versions={"crm-platform": version("crm-platform"), **engine_versions()},
        same_spec=at.data.deliveries[-1].receipt["same_spec"],
        spec_differences=at.data.deliveries[-1].receipt["spec_differences"],
        segment_book=described_book(at.data, book_in_force(at) or at.month).to_json(),
        project=project_record(at.data, at.month, publishing),
        withheld={} if waits is None or TWO_TRACK in left_out else {TWO_TRACK: waits},
        left_out=left_out,
        replaced_characters={path: one.replaced_characters for path, one in of_the_study(reports, waits).items()},
    )
    publish(at.data.platform.outbox, at.client.id, at.month, {**files, "manifest.json": listed})
    return json.loads(listed)


def given_of(at: ClientMonth, files: Mapping[str, bytes]) -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
    """`files` that the client's data give and that it has ordered, and what is left out with its reason."""
    words = words_of(at)
    possible, lacking = given_and_left_out(files, left_out_of(at.document("two_track_diagnosis")), words)
    given, not_ordered = ordered_and_left_out(possible, at.client.ordered_services, words)
    return given, {
        **{path: why for path, why in lacking.items() if not path.startswith(tuple(not_ordered))},
        **not_ordered,
    }
