"""Columns that are told by others: the time beside the day, further states, an order's amount, keys to be hashed."""

from __future__ import annotations

import re
from collections.abc import Mapping

from crm_platform.intake.drafting.fitting import type_fit
from crm_platform.intake.drafting.proposal import Proposal
from crm_platform.intake.drafting.samples import Orders, Sample
from crm_platform.intake.drafting.vocabulary import code_meaning, targets_of, word_form
from crm_platform.intake.drafting.wordings import twin_of, wordings_of

_A_STATE = re.compile("(?<!定期)(ステータス|状態|状況)$|status$")
_DAYS_ONLY = re.compile(r"\S+ 00:00:00 \S+ 00:00:00")
_TIME_OF_DAY = re.compile("時間$|時刻$|time$")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")
_MAIL = re.compile("メールアドレス|メアド|^メール$|e-?mail|^mail$")
_NAME = re.compile("姓$|氏名|名前|(購入者|注文者|受注者?|顧客)名$")
_PHONE = re.compile("電話番号|^tel|phone")
_SOMEBODY_ELSE = re.compile(
    "届け先|送付先|配送先|請求|サブ|モバイル|携帯|カナ|かな|フリガナ|shipping|billing|accepts|送信|配信"
)


def clock(sample: Sample, chosen: Mapping[str, Proposal]) -> dict[str, Proposal]:
    """A column with the time of day of the order, beside one with its day (注文日 + 注文時間)."""
    day = next((header for header, item in chosen.items() if item.target == "ordered_at"), None)
    if day is None or not _DAYS_ONLY.fullmatch(f"{sample[day].minimum} {sample[day].maximum}"):
        return {}
    stem = word_form(day).removesuffix("日").removesuffix("date")
    for header in sample.headers:
        form, texts = word_form(header), sample.rows.columns[header].distinct.to_pylist()
        told = _TIME_OF_DAY.search(form) is not None and form.startswith(stem)
        if header not in chosen and told and any(texts) and all(_CLOCK.fullmatch(text) for text in texts if text):
            return {header: Proposal(header, "order_lines", "ordered_at", 0.8, f"the time of day, joined to {day}")}
    return {}


def other_states(sample: Sample, chosen: Mapping[str, Proposal]) -> dict[str, Proposal]:
    """Columns that tell what the status does not: refunds show in the payment's status of some carts."""
    status = next((header for header, item in chosen.items() if item.target == "status"), None)
    told = {code_meaning("status", wording) for wording in wordings_of(sample, status).values()} if status else set()
    others: dict[str, Proposal] = {}
    for header in sorted(set(sample.headers) - set(chosen)):
        if (
            _A_STATE.search(word_form(header))
            and not sample[header].personal
            and twin_of(sample.headers, header) is None
        ):
            more = {code_meaning("status", value) for value in sample[header].values} & {"cancelled", "returned"} - told
            if more:
                why = f"its values tell what no other column does: {', '.join(sorted(more))}"
                others[header] = Proposal(header, "order_lines", "status", 0.75, why)
                told |= more
    return others


def order_amount(sample: Sample, chosen: Mapping[str, Proposal], orders: Orders | None) -> dict[str, Proposal]:
    """Where every order is one row and no unit price is delivered, the amount of its goods stands for it."""
    if orders is None or orders.several.any():
        return {}
    words = targets_of("order_lines")["unit_price_jpy"].order_amounts
    amounts = [
        (words.index(word_form(profile.header)), profile.header)
        for profile in sample.profiles
        if word_form(profile.header) in words
        and not profile.personal
        and profile.header not in chosen
        and type_fit(profile, "order_lines", "unit_price_jpy")[0]
    ]
    if not amounts:
        return {}
    header = min(amounts)[1]
    reason = "the goods' amount of an order of one row; no price of a unit is delivered"
    return {header: Proposal(header, "order_lines", "unit_price_jpy", 0.7, reason)}


def keys_to_hash(sample: Sample) -> dict[str, Proposal]:
    """Where customers have no number, what they are told by in the trade (名寄せ): name and telephone, else e-mail.

    Malls give relay addresses that change; the orderer's own columns count, not those of a recipient or a payer.
    """
    own = [
        item.header for item in sample.profiles if item.personal and not _SOMEBODY_ELSE.search(word_form(item.header))
    ]
    names, phones, mails = (
        sorted(header for header in own if pattern.search(word_form(header))) for pattern in (_NAME, _PHONE, _MAIL)
    )
    keys = [*names, *phones] if names and phones else sorted(mails, key=lambda header: (len(header), header))[:1]
    reason = "no customer number: told by a keyed hash, made before anything is stored"
    return {header: Proposal(header, "order_lines", "customer_id", 0.7, reason) for header in keys}
