"""The monthly letter as an asset: this month's documents and lists beside the documents of the month before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm_platform.diagnosis.finding import Diagnosis, Scalar
from crm_platform.lake import digest_of
from crm_platform.letter import Letter
from crm_platform.letter.letter import Gap, days_of, is_lacking
from crm_platform.letter.lineage import DIAGNOSES
from crm_platform.letter.monthly_letter import LetterInputs
from crm_platform.letter.monthly_letter import monthly_letter as letter_of
from crm_platform.orchestration.assets.segments import as_booked, book_digest
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.client_month_asset import client_month_asset
from crm_platform.orchestration.recipe import Reads, Recipe, everything
from crm_platform.periods import Month, months_between
from crm_platform.two_track.left_out import left_out_of

_REGULAR, _LETTER = "regular_buyers", "monthly_letter"
_LISTS = ("lapse_alerts", "test_groups", "contact_dates", "dormant_customers", "targets", "stop_warnings", _REGULAR)
_JUDGEMENT = "delivery_judgement"
_SAME_MONTH = ("customer_history", _JUDGEMENT, *DIAGNOSES.values(), *_LISTS)


def what_the_letter_read(at: ClientMonth) -> dict[str, str]:
    """Digests of what is stored of last month (diagnoses, regular buyers, letter), of the receipts and of the book."""
    month, lake = at.month.plus(-1), at.data.lake
    names = (*DIAGNOSES.values(), _REGULAR, _LETTER)
    former = {f"former {name}": lake.digest(at.client.id, name, [month]) for name in names}
    receipts = digest_of([delivery.receipt for delivery in at.data.deliveries])
    return {**former, **book_digest(at), "deliveries": receipts}


@client_month_asset(
    Recipe(
        _LETTER,
        "letter",
        {"customer_months": Reads.UP_TO_MONTH, **dict.fromkeys(_SAME_MONTH, Reads.SAME_MONTH)},
        settings=everything,
        further_inputs=what_the_letter_read,
    )
)
def monthly_letter(at: ClientMonth) -> Any:
    """What changed since last month, why, and what to do: the figures and findings of the two-page letter."""
    before = at.earlier(1)
    settings = as_booked(at).settings
    inputs = LetterInputs(
        client=at.client.name,
        month=at.month,
        as_of=at.as_of,
        months=at.history_months,
        customer_months=at.past("customer_months"),
        history=at.expression("customer_history"),
        now=stored_diagnoses(at),
        former=stored_diagnoses(before) if before else {},
        lists={name: at.expression(name) for name in _LISTS},
        delivery=latest_delivery(at),
        silent_days=settings.lapse_silent_days,
        value_classes=settings.value_classes,
        former_regular=before.expression(_REGULAR) if before and is_stored(before, _REGULAR) else None,
        former_letter=Letter.from_json(before.document(_LETTER)) if before and is_stored(before, _LETTER) else None,
        gaps=gaps_of(at.document(_JUDGEMENT)["figures"]["gaps"]),
    )
    return letter_of(inputs).to_json()


def gaps_of(runs: Sequence[Mapping[str, Any]]) -> list[Gap]:
    """Of the runs of days without an order those that chance does not explain, or that hold a whole month."""
    found = [one for one in runs if one["days"]]
    gaps = days_of((one["first_day"], one["last_day"]) for one in found)
    beyond = [(one["beyond_plausible"] or 0) > 1 for one in found]
    return [gap for gap, is_beyond in zip(gaps, beyond, strict=True) if is_beyond or _holds_a_month(gap)]


def _holds_a_month(gap: Gap) -> bool:
    first, last = gap
    return any(is_lacking(month, [gap]) for month in months_between(Month.of(first), Month.of(last)))


def is_stored(at: ClientMonth, name: str) -> bool:
    """Whether the month's table or document is in the lake."""
    return at.data.lake.provenance(at.client.id, name, at.month) is not None


def stored_diagnoses(at: ClientMonth) -> dict[str, Diagnosis]:
    """The month's diagnoses by report, without those that are not stored or that its data do not give."""
    stored = {report: at.document(name) for report, name in DIAGNOSES.items() if is_stored(at, name)}
    return {
        report: Diagnosis.from_json(document) for report, document in stored.items() if left_out_of(document) is None
    }


def latest_delivery(at: ClientMonth) -> Mapping[str, Scalar]:
    """What the receipt of the latest delivery says: when, of which days, how many rows, how many not admitted."""
    receipt = at.data.deliveries[-1].receipt
    accounts = receipt["accounts"].values()
    return {
        **{name: receipt[name] for name in ("delivery_id", "examined_on", "data_from", "data_to")},
        "rows": sum(account["delivered"] for account in accounts),
        "quarantined_rows": sum(account["quarantined"] for account in accounts),
        "set_aside_rows": sum(sum(account["set_aside"].values()) for account in accounts),
    }
