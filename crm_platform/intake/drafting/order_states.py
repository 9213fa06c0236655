"""Status and kind of an order line as drafted: from a coded column, or from what else tells (a cancellation's day)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from crm_platform.intake.drafting.code_tables import NOT_AN_ORDER, MetCode, met_codes, says_undone
from crm_platform.intake.drafting.samples import Sample
from crm_platform.intake.drafting.toml_words import inline, listed, quoted

if TYPE_CHECKING:
    from crm_platform.intake.drafting.draft import DraftedTable

_FILLED = ".+"


def draft_status(draft: DraftedTable, sample: Sample, by_target: Mapping[str, str], others: Sequence[str] = ()) -> None:
    """Where a column says all, its codes; where cancellations show elsewhere or cells are empty, cases.

    `others`: further columns that tell of cancellations or returns.
    """
    header, cancelled, shipped = (by_target.get(name) for name in ("status", "cancelled_on", "shipped_on"))
    codes = met_codes(sample, header, "status") if header else ()
    _set_aside_unfinished(draft, header, [code.code for code in codes if code.meaning == NOT_AN_ORDER])
    undone = [(other, code) for other in others for code in met_codes(sample, other, "status")]
    has_gaps = header is not None and _has_gaps(sample, header, by_target)
    unknown = bool(codes) and not any(code.meaning for code in codes)  # a return may be among them: a person must say
    if header is not None and not undone and not has_gaps and (says_undone(codes) or cancelled is None or unknown):
        return
    cases = [(cancelled, _FILLED, "cancelled")] if cancelled else []
    cases += [(other, _only(code), code.meaning) for other, code in undone if code.meaning in {"cancelled", "returned"}]
    if header is not None:
        known = [code for code in codes if code.meaning not in {"", NOT_AN_ORDER}]
        cases += [(header, _only(code), code.meaning) for code in known]
        draft.to_decide += [f"status '{code.code}': what does it stand for?" for code in codes if not code.meaning]
    elif shipped:
        cases.append((shipped, _FILLED, "shipped"))
    if not cases:
        draft.columns["status"] = inline(constant=quoted("shipped"))
        draft.to_confirm.append("nothing tells cancelled orders: every line counts as shipped")
        return
    draft.columns["status"] = _cases(cases, "ordered")
    draft.notes["status"] = "the first case that holds"
    draft.to_confirm.append("a line that no case of status names counts as ordered")


def draft_order_kind(draft: DraftedTable, sample: Sample, by_target: Mapping[str, str]) -> None:
    """定期 or 都度 from a coded column, else by whether a line names a subscription."""
    if "order_kind" in by_target and not _has_gaps(sample, by_target["order_kind"], by_target):
        return
    told = by_target.get("subscription_id")
    cycle = by_target.get("cycle_no")
    if told is not None or cycle is not None:
        case = (told, _FILLED, "subscription") if told is not None else (cycle or "", "[1-9]", "subscription")
        draft.columns["order_kind"] = _cases([case], "one_off")
        draft.to_confirm.append(f"lines with {case[0]} are 定期, all others 都度")
        return
    draft.columns["order_kind"] = inline(constant=quoted("one_off"))
    draft.to_confirm.append("nothing tells 定期 from 都度: every line counts as 都度")


def _has_gaps(sample: Sample, header: str, by_target: Mapping[str, str]) -> bool:
    """Whether lines of a customer lack the value; the line of totals below a list has neither, and is set aside."""
    gaps, customer = sample.rows.columns[header].is_empty, by_target.get("customer_id")
    return bool((gaps if customer is None else gaps & ~sample.rows.columns[customer].is_empty).any())


def _only(code: MetCode) -> str:
    return f"^{re.escape(code.code)}$"


def _set_aside_unfinished(draft: DraftedTable, header: str | None, codes: list[str]) -> None:
    if header is not None and codes:
        draft.set_aside.append({"rule": quoted(NOT_AN_ORDER), "column": quoted(header), "one_of": listed(codes)})
        draft.to_confirm.append(f"rows with {header} {', '.join(codes)} are set aside as no orders")


def _cases(cases: list[tuple[str, str, str]], otherwise: str) -> str:
    said = [
        inline(column=quoted(header), pattern=quoted(pattern), then=quoted(then)) for header, pattern, then in cases
    ]
    return inline(cases=f"[{', '.join(said)}]", otherwise=quoted(otherwise))
