"""Which table column each delivered column is proposed for, with a confidence and the reason.

The words of the header propose; the values weaken a proposal or rule it out; each column takes the best that is left.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from crm_platform.intake.drafting.fitting import fit_of, type_fit
from crm_platform.intake.drafting.further_proposals import clock, keys_to_hash, order_amount, other_states
from crm_platform.intake.drafting.profile import ColumnProfile
from crm_platform.intake.drafting.proposal import LEAST_CONFIDENCE, NOTHING, PERSONAL, ROW_KIND, Proposal
from crm_platform.intake.drafting.samples import Orders, Sample
from crm_platform.intake.drafting.vocabulary import is_nothing, match_of, row_kind_headers, targets_of, word_form
from crm_platform.intake.drafting.wordings import BRACKETED_ENDING, row_kinds_of, twin_fit
from crm_platform.intake.guard.personal_data import PersonalColumn, find_personal_data

# text columns of masters that order lines also carry, where there is no such master
_BORROWED = {
    "products": ("product_name", "category", "brand"),
    "customers": ("sex", "prefecture", "client_rank", "first_media_id"),
    "media": ("media_name", "channel"),
}
_BORROWED_FIT = 0.9


def propose(sample: Sample, tables: Collection[str], year: int) -> tuple[Sample, list[Proposal]]:
    """A proposal per column, in the order of the file; and the sample, knowing its personal columns.

    `tables`: those that the whole sample brings. `year`: of the draft, for dates of birth.
    """
    called = sample.in_words()
    first = _assigned(called, tables)
    needed = {header: proposal.target for header, proposal in first.items()}
    personal = _personal_columns(called, needed, year)
    if sample.said.names:  # a header may tell by itself what its 項目名 does not
        delivered = {
            header: needed[called_so] for header, called_so in sample.said.names.items() if called_so in needed
        }
        by_header = _personal_columns(sample, needed | delivered, year)
        personal = {sample.said.of(header): kind for header, kind in by_header.items()} | personal
    called = called.with_personal(personal)
    chosen = _assigned(called, tables)
    if sample.table == "order_lines" and "customer_id" not in {item.target for item in chosen.values()}:
        chosen |= keys_to_hash(called)
    proposals = [chosen.get(profile.header) or _left_over(profile) for profile in called.profiles]
    sample = sample.with_personal({header: personal.get(sample.said.of(header), "") for header in sample.headers})
    return sample, [replace(item, header=header) for item, header in zip(proposals, sample.headers, strict=True)]


def _personal_columns(sample: Sample, needed: Mapping[str, str], year: int) -> dict[str, str]:
    """Why each personal column is cut, by header."""
    found = find_personal_data(sample.rows, sample.table or "order_lines", needed, year)
    return {item.header: item.kind for item in found if isinstance(item, PersonalColumn)}


def _left_over(profile: ColumnProfile) -> Proposal:
    if profile.personal:
        return Proposal(profile.header, "", PERSONAL, 1.0, f"cut before anything is stored: {profile.personal}")
    if is_nothing(profile.header):
        return Proposal(profile.header, "", NOTHING, 0.95, "known, and no table needs it")
    return Proposal(profile.header, "", NOTHING, 0.7, "no word of it names a column that is not taken")


def _assigned(sample: Sample, tables: Collection[str]) -> dict[str, Proposal]:
    """The best proposals such that no table column is proposed twice."""
    if not sample.table or sample.table not in {"order_lines", *_BORROWED}:
        return {}
    orders = _orders_of(sample)
    kinds = _row_kind_column(sample)
    candidates = [
        proposal
        for profile in sample.profiles
        if not profile.personal and profile.header != kinds
        for proposal in _candidates(sample, profile, tables, orders)
        if proposal.confidence >= LEAST_CONFIDENCE
    ]
    chosen: dict[str, Proposal] = {}
    taken: set[tuple[str, str]] = {("order_lines", "discount_jpy")} if _has_discount_rows(sample, kinds) else set()
    for proposal in sorted(candidates, key=lambda item: (-item.confidence, len(item.header), item.header, item.place)):
        if proposal.header not in chosen and (proposal.table, proposal.target) not in taken:
            chosen[proposal.header] = proposal
            taken.add((proposal.table, proposal.target))
    if kinds:
        chosen[kinds] = Proposal(kinds, "", ROW_KIND, 0.95, "says which rows are goods")
    if sample.table == "order_lines":
        chosen |= clock(sample, chosen)
        chosen |= other_states(sample, chosen)
        chosen |= order_amount(sample, chosen, orders) if ("order_lines", "unit_price_jpy") not in taken else {}
    return chosen


def _candidates(
    sample: Sample, profile: ColumnProfile, tables: Collection[str], orders: Orders | None
) -> list[Proposal]:
    proposals = []
    for table, names in _open_targets(sample.table, tables).items():
        for target in names:
            words = targets_of(table)[target]
            match = match_of(profile.header, words)
            if not match.score:
                continue
            fit, note = fit_of(sample, profile, table, target, orders)
            confidence = match.score * fit * twin_fit(sample, profile.header, words)
            confidence *= 1.0 if table == sample.table else _BORROWED_FIT
            reason = f"the header {match.how} '{match.word}'{'; ' if note else ''}{note}"
            proposals.append(Proposal(profile.header, table, target, confidence, reason))
    return proposals


def _open_targets(table: str, tables: Collection[str]) -> dict[str, Sequence[str]]:
    if table != "order_lines":
        return {table: list(targets_of(table))}
    borrowed = {master: names for master, names in _BORROWED.items() if master not in tables}
    return {"order_lines": list(targets_of("order_lines")), **borrowed}


def _orders_of(sample: Sample) -> Orders | None:
    """Orders by the column whose header names the order number best; None where the file is no order file."""
    if sample.table != "order_lines":
        return None
    words = targets_of("order_lines")["order_id"]
    scored = [
        (-match_of(profile.header, words).score * type_fit(profile, "order_lines", "order_id")[0], profile.header)
        for profile in sample.profiles
        if not profile.personal
    ]
    score, header = min(scored)
    return Orders.of(sample, header) if -score >= LEAST_CONFIDENCE else None


def _row_kind_column(sample: Sample) -> str | None:
    """The column that tells goods from shipping and discounts: 明細区分(ID) rather than 明細区分(名称)."""
    if sample.table != "order_lines":
        return None
    bare = {header: BRACKETED_ENDING.sub("", word_form(header)) for header in sample.headers}
    named = [header for header in sample.headers if bare[header] in row_kind_headers() and sample[header].values]
    told = [header for header in named if len(set(row_kinds_of(sample, header).values()) - {""}) > 1]
    return min(told, key=lambda header: (word_form(header).endswith(("(名称)", "(名)")), header), default=None)


def _has_discount_rows(sample: Sample, kinds: str | None) -> bool:
    return kinds is not None and "discount" in row_kinds_of(sample, kinds).values()
