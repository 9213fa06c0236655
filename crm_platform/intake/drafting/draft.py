"""A draft mapping from a sample: what of each table comes from where, and what a person must still decide."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.clients.mapping import hashed_header
from crm_platform.intake.drafting.code_tables import MetCode, met_codes
from crm_platform.intake.drafting.order_states import draft_order_kind, draft_status
from crm_platform.intake.drafting.proposal import PERSONAL, ROW_KIND, Proposal
from crm_platform.intake.drafting.samples import Orders, Sample
from crm_platform.intake.drafting.toml_words import inline, listed, quoted
from crm_platform.intake.drafting.vocabulary import row_kind
from crm_platform.intake.drafting.wordings import row_kinds_of
from crm_platform.intake.guard.telling_headers import kind_told
from crm_platform.intake.mapping.standard_layout import COMPUTED_COLUMNS, DELIVERED, standard_targets
from crm_platform.intake.reading.raw_rows import matching_form
from crm_platform.intake.reading.text_column import Mask, union_of
from crm_platform.tables.table import TEXT

_LISTED = re.compile(r"^[^,\s]+(,[^,\s]+)+$")
_MANY = 0.2
_WORDED = ("sex", "prefecture", "client_rank", "reason_code")  # reports show them as the client's definition words them
ROWS_NOT_GOODS = ("shipping", "fee", "tax", "points")


@dataclass
class DraftedTable:
    """`[tables.<table>]` as drafted: TOML values by key, codes met, rules that set rows aside."""

    table: str
    samples: list[Sample]
    columns: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    codes: dict[str, tuple[MetCode, ...]] = field(default_factory=dict)
    set_aside: list[dict[str, str]] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)
    is_standard: bool = False
    to_decide: list[str] = field(default_factory=list)
    to_confirm: list[str] = field(default_factory=list)


def draft_tables(samples: Sequence[Sample], proposals: Mapping[str, Sequence[Proposal]]) -> dict[str, DraftedTable]:
    """A draft of every table: delivered in the sample, derived from its order lines, or absent.

    `proposals`: by file name. Parts of one table are drafted from the first of them.
    """
    drafts = {}
    for table in DELIVERED:
        of_table = [sample for sample in samples if sample.table == table]
        if of_table:
            drafts[table] = _drafted(table, of_table, proposals[of_table[0].file.name])
    if "order_lines" in drafts:
        lines = drafts["order_lines"]
        for master, key in (("products", "product_id"), ("customers", "customer_id")):
            if master in drafts:
                _complete_from_lines(drafts[master], lines, key, proposals)
        borrowed = [item for item in proposals[lines.samples[0].file.name] if item.table not in {"", "order_lines"}]
        for master in ("products", "customers", "media"):
            if master not in drafts:
                drafts[master] = _master_from_lines(master, lines, [item for item in borrowed if item.table == master])
    return drafts


def _drafted(table: str, samples: list[Sample], proposals: Sequence[Proposal]) -> DraftedTable:
    draft, sample = DraftedTable(table, samples), samples[0]
    kept = [profile.header for profile in sample.profiles if not profile.personal]
    if {matching_form(header) for header in kept} <= set(standard_targets(table)):
        draft.is_standard = True
        return draft
    if hidden := _told_by_definition_only(sample, proposals):
        draft.words["drop"] = listed(hidden)
    proposals = sorted(proposals, key=lambda item: (-item.confidence, item.header))
    for proposal in proposals:
        if proposal.table == table and proposal.target not in draft.columns:
            draft.columns[proposal.target] = _source(sample, proposal.header, proposals)
            draft.notes[proposal.target] = f"{proposal.confidence:.0%}: {proposal.reason}"
    if table == "order_lines":
        _draft_order_lines(draft, sample, proposals)
    for target, source in draft.columns.items():
        if source.startswith('"') and target not in draft.codes:
            header = next(item.header for item in proposals if (item.table, item.target) == (table, target))
            if DELIVERED[table][target].allowed:
                _add_codes(draft, target, met_codes(sample, header, target))
            elif target in _WORDED and (said := sample.code_words.get(header)):
                draft.codes[target] = tuple(MetCode(code, word, word) for code, word in said.items())
    _ask_for_missing(draft)
    in_order = [name for name in DELIVERED[table].names if name in draft.columns]
    draft.columns = {name: draft.columns[name] for name in in_order}
    return draft


def _told_by_definition_only(sample: Sample, proposals: Sequence[Proposal]) -> list[str]:
    """Personal columns whose header says nothing (KOK_NM, in the definition 顧客名): the mapping must name them."""
    left_out = {item.header for item in proposals if item.target == PERSONAL}
    return [header for header in sample.said.names if header in left_out and not kind_told(header, sample.table)]


def _source(sample: Sample, header: str, proposals: Sequence[Proposal]) -> str:
    profile = sample[header]
    clock = next((item.header for item in proposals if item.target == "ordered_at" and item.header != header), None)
    if profile.date_format:
        return inline(column=quoted(header), format=quoted(profile.date_format))
    own = next((item.target for item in proposals if item.header == header), "")
    if clock is not None and own == "ordered_at":
        return inline(columns=listed([header, clock]), join=quoted(" "))
    if own == "discount_jpy" and profile.minimum.startswith("-") and profile.maximum[:1] in {"0", "-"}:
        return inline(column=quoted(header), times="-1")  # written with a minus, as △500
    return quoted(header)


def _draft_order_lines(draft: DraftedTable, sample: Sample, proposals: Sequence[Proposal]) -> None:
    by_target = {item.target: item.header for item in reversed(proposals) if item.table == "order_lines"}  # surest last
    orders = Orders.of(sample, by_target["order_id"]) if "order_id" in by_target else None
    _draft_customer(draft, sample, by_target, proposals)
    if "line_no" not in draft.columns:
        draft.columns["line_no"] = inline(number_within=quoted("order_id"))
        draft.notes["line_no"] = "no column numbers the lines of an order: counted in the order of the file"
    states = [item.header for item in proposals if item.place == "order_lines.status"]
    draft_status(draft, sample, by_target, states[1:])
    draft_order_kind(draft, sample, by_target)
    goods = _draft_row_kinds(draft, sample, proposals)
    _draft_product(draft, sample, by_target, proposals, goods)
    if orders is not None and orders.several.any():
        _draft_order_levels(draft, sample, by_target, orders)
    if orders is not None and not orders.several.any():
        _draft_lists(draft, sample, by_target)
    if "quantity" not in draft.columns and "unit_price_jpy" in draft.columns:
        draft.columns["quantity"] = inline(constant=quoted("1"))
        draft.to_confirm.append("no column holds the quantity: every line counts as 1 unit")
    if "discount_jpy" not in draft.columns and "order_discount" not in draft.words:
        draft.to_confirm.append("nothing tells a discount: every line counts as quantity × unit price")


def _draft_customer(
    draft: DraftedTable, sample: Sample, by_target: Mapping[str, str], proposals: Sequence[Proposal]
) -> None:
    header = by_target.get("customer_id", "")
    if header and not sample[header].personal:
        if sample.rows.columns[header].is_empty.any():
            draft.set_aside.append({"rule": quoted("guest"), "column": quoted(header), "empty": "true"})
            draft.to_confirm.append(f"rows without {header} are set aside as 'guest'")
        return
    keys = [item.header for item in proposals if item.target == "customer_id" and sample[item.header].personal]
    if keys:
        told = union_of((~sample.rows.columns[key].is_empty for key in keys), len(sample.rows.row_numbers))
        if not told.all():
            guest = {"rule": quoted("guest"), "column": quoted(hashed_header(keys)), "empty": "true"}
            draft.set_aside.append(guest)
        draft.columns["customer_id"] = inline(keyed_hash=listed(keys))
        draft.to_confirm.append(f"customers are told by a keyed hash of {', '.join(keys)} (CRM_PLATFORM_HASH_KEY)")


def _draft_product(
    draft: DraftedTable, sample: Sample, by_target: Mapping[str, str], proposals: Sequence[Proposal], goods: Mask
) -> None:
    """Where some goods have no code, the product's name stands for it."""
    header = by_target.get("product_id")
    name = next((item.header for item in proposals if item.target == "product_name"), None)
    if header is None or name is None:
        return
    without = goods & sample.rows.columns[header].is_empty
    if without.any() and not sample.rows.columns[name].is_empty[without].any():
        draft.columns["product_id"] = inline(first_filled=listed([header, name]))
        draft.to_confirm.append(f"{int(without.sum())} rows of goods without {header}: {name} stands for it")


def _draft_row_kinds(draft: DraftedTable, sample: Sample, proposals: Sequence[Proposal]) -> Mask:
    """Rows that are no goods are set aside, told by a row-kind column or by names such as 送料; returns the goods."""
    goods: Mask = np.ones(len(sample.rows.row_numbers), bool)
    header = next((item.header for item in proposals if item.target == ROW_KIND), None)
    names = next((item.header for item in proposals if item.target == "product_name"), None)
    kinds: Mapping[str, str] = {}
    if header is not None:
        kinds = row_kinds_of(sample, header)
        if "discount" in kinds.values():
            draft.columns.pop("discount_jpy", None)
            draft.words["order_discount"] = inline(set_aside=quoted("discount"))
        unknown = [value for value, kind in kinds.items() if value and not kind]
        draft.to_decide += [f"{header} '{value}': are these rows goods?" for value in unknown]
    elif names is not None:
        header = names
        kinds = {name: kind for name in sample[names].values if (kind := row_kind(name)) in {"shipping", "fee"}}
    for rule in ("discount", *ROWS_NOT_GOODS):
        values = sorted(value for value, kind in kinds.items() if kind == rule)
        if values and header is not None:
            goods &= ~sample.rows.columns[header].rows_where(
                pc.is_in(sample.rows.columns[header].distinct, value_set=pa.array(values))
            )
            draft.set_aside.append({"rule": quoted(rule), "column": quoted(header), "one_of": listed(values)})
            draft.to_confirm.append(f"rows with {header} {', '.join(values)} are set aside as '{rule}'")
    return goods


def _draft_order_levels(draft: DraftedTable, sample: Sample, by_target: Mapping[str, str], orders: Orders) -> None:
    """Values that stand once per order: filled down where they are on its first row only; discounts are spread."""
    read = [header for header in sample.headers if any(quoted(header) in source for source in draft.columns.values())]
    filled = [header for header in read if orders.on_first_row_only(sample, header)]
    discount = by_target.get("discount_jpy")
    if discount is not None and "discount_jpy" in draft.columns:
        if discount in filled or (orders.is_constant(sample, discount) and sample[discount].distinct > 1):
            del draft.columns["discount_jpy"]
            draft.words["order_discount"] = inline(column=quoted(discount))
            draft.to_confirm.append(f"{discount} is the discount of a whole order, spread over its lines")
        filled = [header for header in filled if header != discount]
    if filled:
        draft.words["fill_down"] = inline(within=quoted(by_target["order_id"]), columns=listed(filled))


def _draft_lists(draft: DraftedTable, sample: Sample, by_target: Mapping[str, str]) -> None:
    """A product column that lists several codes in one row makes a line of each."""
    header = by_target.get("product_id")
    if header is None or "quantity" in by_target:
        return
    texts = [text for text in sample.rows.columns[header].texts.to_pylist() if text]
    if sum(_LISTED.match(text) is not None for text in texts) < _MANY * len(texts):
        return
    amounts = [by_target[name] for name in ("unit_price_jpy", "discount_jpy", "shipping_fee_jpy") if name in by_target]
    draft.words["split_rows"] = inline(column=quoted(header), separator=quoted(","), first_only=listed(amounts))
    draft.to_confirm.append(f"{header} lists several products: a line of each, the amount on the first")


def _add_codes(draft: DraftedTable, target: str, codes: tuple[MetCode, ...]) -> None:
    draft.codes[target] = codes
    for code in codes:
        if not code.meaning:
            draft.to_decide.append(f"{target} '{code.code}': what does it stand for?")


def _ask_for_missing(draft: DraftedTable) -> None:
    table = DELIVERED[draft.table]
    needed = [column.name for column in table.columns if column.required or column.name in table.key]
    for name in needed:
        if name not in draft.columns and name not in COMPUTED_COLUMNS.get(draft.table, set()):
            draft.to_decide.append(f"{name} ({table[name].meaning}): no column was recognised; it is required")


def _complete_from_lines(
    draft: DraftedTable, lines: DraftedTable, key: str, proposals: Mapping[str, Sequence[Proposal]]
) -> None:
    """Where the lines name ids that the master lacks (members who left), the master is completed from the lines."""
    ids = [_values_of(item.samples, proposals, key) for item in (lines, draft)]
    missing = ids[0] - ids[1] - {""}
    if all(ids) and missing and not draft.is_standard:
        draft.words["derived_from"] = quoted("order_lines")
        share = f"{len(missing)} of {len(ids[0])} {key} of the order lines"
        draft.to_confirm.append(f"{share} are not in the {draft.table} file: added from them")


def _values_of(samples: Sequence[Sample], proposals: Mapping[str, Sequence[Proposal]], target: str) -> set[str]:
    """Every value of a column that is read as it stands."""
    values: set[str] = set()
    for sample in samples:
        for item in proposals[sample.file.name]:
            if item.target == target and not sample[item.header].personal:
                values |= set(sample.rows.columns[item.header].distinct.to_pylist())
    return values


def _master_from_lines(master: str, lines: DraftedTable, borrowed: Sequence[Proposal]) -> DraftedTable:
    """A master that the sample lacks: derived from the order lines where they name its key, else absent."""
    draft, key = DraftedTable(master, []), DELIVERED[master].key[0]
    if key not in lines.columns and not (lines.is_standard and key != "media_id"):
        draft.words["absent"] = "true"
        return draft
    draft.words["derived_from"] = quoted("order_lines")
    text_columns = [item for item in borrowed if DELIVERED[master][item.target].type == TEXT]
    if text_columns:
        pairs = {item.target: quoted(item.header) for item in text_columns}
        draft.words["derived_columns"] = inline(**pairs)
    draft.to_confirm.append(f"no {master} file in the sample: derived from the order lines")
    return draft
