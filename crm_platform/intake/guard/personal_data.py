"""The guard that keeps personal data out (個人情報, R06): by the words of a header and by the shape of the values.

A value is never shown; a message names the file, the column and the first row. Shapes that also occur in codes (one
number in ten passes the card checksum, `123-4567` may be a product) count only where most values are such.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.intake.reading.raw_rows import RawRows, matching_form
from crm_platform.intake.reading.text_column import TextColumn

_HEADERS = re.compile(
    "氏名|お名前|姓名|(顧客|会員|購入者|注文者|受注者|送付先|配送先|届け先|お届け先|請求先|受取人)名|宛名|カナ|フリガナ|ふりがな|ヨミガナ"
    "|住所|番地|建物名|電話|携帯|メールアドレス|メアド|郵便|生年月日|誕生日|クレジットカード|カード番号|口座"
    "|e-?mail|birth_?da(y|te)|date_?of_?birth|credit_?card|card_?(number|no)|(first|last|family|given|full|middle)_?name"
    "|surname|(customer|billing|shipping|recipient|contact|holder)_?name|street|address|post(al)?_?code|zip_?(code)?$"
    "|(^|[^a-z])(tel|fax|dob|mail|zip)([^a-z]|$)|(^|[^a-z]|mobile|cell|home|tele)phone|^メール$|メール\\d|(セイ|メイ)\\)"
)
_WHOLE_HEADERS = {"姓", "名", "名前", "セイ", "メイ", "name", "tel1", "tel2", "tel3"}
_HARMLESS_HEADERS = re.compile("都道府県|province|メール(便|配信|送信|マガジン|キャリア|差込)|media|campaign|媒体")
_NAME_OF_A_THING = {"products", "media"}  # there `名前` and `name` are names of things

_WORTH_A_LOOK = r"[@〒()+市区町村郡]|[0-9][- ][0-9]|丁目|[0-9]{7}"
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_DIALLED = re.compile(r"(?<![\d-])(\+81[- ]?\d{1,4}|0\d{1,4}|\(0\d{1,4}\))[- (]?\d{1,4}[-) ]\d{3,4}(?![\d-])")
_MOBILE = re.compile(r"(?<!\d)0[5789]0\d{8}(?!\d)")
_LANDLINE = re.compile(r"0[1-9]\d{8}")
_POSTAL_CODE = re.compile(r"〒\s*\d{3}-?\d{4}|^\d{3}-\d{4}$")
_STREET = re.compile(r"(市|区|町|村|郡)[^\d\s]{0,12}[\d一二三四五六七八九十]{1,4}(丁目|番地|番|-\d{1,4}(?!\d))|\d丁目")


def _is_telephone(text: str) -> bool:
    match = _DIALLED.search(text)
    return _MOBILE.search(text) is not None or (match is not None and 10 <= sum(map(str.isdigit, match[0])) <= 12)


_SHAPES: dict[str, Callable[[str], bool]] = {
    "an e-mail address": lambda text: _MAIL.search(text) is not None,
    "a telephone number": _is_telephone,
    "a telephone number without hyphens": lambda text: _LANDLINE.fullmatch(text) is not None,
    "a postal code": lambda text: _POSTAL_CODE.search(text) is not None,
    "a street address": lambda text: _STREET.search(text) is not None,
}
_ALSO_CODES = {
    "a telephone number without hyphens",
    "a postal code",
}  # as parcel or product numbers outside customer files
_CARD = re.compile(r"(?<!\d)([3-6]\d{3}([ -]?)\d{4}\2\d{4}\2\d{4}|2[2-7]\d{14}|3[47]\d{13}|3[068]\d{12})(?!\d)")
_FULL_DATE = re.compile(r"((?:19|20)\d{2})(?:[-/.年]\d{1,2}[-/.月]\d{1,2}日?|(?:0[1-9]|1[0-2])[0-3]\d)(?:[T ].*)?")
_MOST = 0.5
_OLD_ENOUGH_YEARS = 15  # an unexplained date this long ago, in a customer file, is taken for a birthday


@dataclass(frozen=True)
class PersonalData:
    """A column that holds personal data: which kind, and the first row in which it shows (1 where the header tells)."""

    file: str
    header: str
    kind: str
    row: int


def find_personal_data(
    rows: RawRows, table: str, targets: Mapping[str, str], identifiers: Iterable[str], year: int
) -> list[PersonalData]:
    """Every column of the file that holds personal data, in the order of the file.

    `targets`: delivered header → table column. `identifiers`: table columns that hold codes. `year`: of the delivery.
    """
    found = []
    known_codes = set(identifiers)
    for header, column in rows.columns.items():
        target = targets.get(header)
        kind, first = ("personal data by its name", 1) if _tells(header, table) else ("", 0)
        if not kind and target not in _TYPED:
            careful = table in _NAME_OF_A_THING or target in known_codes
            kind, position = _kind_of_values(column, careful=careful, customer=table == "customers" and not careful)
            first = int(rows.row_numbers[position]) if kind else 0
        if not kind and table == "customers" and target not in {"registered_on", *known_codes}:
            position = _first_birthday(column, year, any_date=target == "birth_year")
            kind, first = ("a full date of birth", int(rows.row_numbers[position])) if position >= 0 else ("", 0)
        if kind:
            found.append(PersonalData(rows.file, header, kind, first))
    return found


_TYPED = {
    "ordered_at", "shipped_on", "cancelled_on", "registered_on", "started_on", "ended_on", "quantity", "unit_price_jpy",
    "discount_jpy", "shipping_fee_jpy", "cost_jpy", "list_price_jpy", "line_no", "cycle_no", "supply_days",
}  # fmt: skip  # casting refuses anything but numbers and dates in these


def _tells(header: str, table: str) -> bool:
    form = matching_form(header)
    # `form` finds `氏　名`, `words` finds `Billing Phone`
    words = "_".join(unicodedata.normalize("NFKC", header).casefold().split())
    if _HARMLESS_HEADERS.search(form):
        return False
    if table in _NAME_OF_A_THING:
        return bool(re.search("氏名|電話|住所|郵便|メールアドレス|e-?mail|phone", form)) and form not in _WHOLE_HEADERS
    if table == "order_lines" and form == "name":  # the order number of some carts (Shopify)
        return False
    return form in _WHOLE_HEADERS or any(_HEADERS.search(spelling) for spelling in (form, words))


def _kind_of_values(column: TextColumn, *, careful: bool, customer: bool) -> tuple[str, int]:
    """The kind of personal data in the values and the first position; ("", -1) where there is none."""
    filled = len(column.distinct) - int(pc.sum(pc.equal(column.distinct, "")).as_py() or 0)
    texts = pc.utf8_normalize(column.distinct, "NFKC")
    worth_a_look = pc.match_substring_regex(texts, _WORTH_A_LOOK).to_numpy(zero_copy_only=False).astype(bool)
    looked_at = np.flatnonzero(worth_a_look).tolist()
    suspects = dict(zip(looked_at, texts.take(pa.array(looked_at, pa.int64())).to_pylist(), strict=True))
    most = max(1.0, _MOST * filled)
    for kind, is_one in _SHAPES.items():
        hits = [k for k, text in suspects.items() if is_one(text)]
        strict = not careful and (customer or kind not in _ALSO_CODES)
        if hits and len(hits) >= (1 if strict or kind == "an e-mail address" else most):
            return kind, _first(column, hits)
    cards = {k: card for k, text in suspects.items() if (card := _card(text)) is not None}
    hits = [k for k, passes in cards.items() if passes]
    if hits and len(hits) >= _MOST * len(cards) and (not careful or len(cards) >= 5):
        return "a card number", _first(column, hits)
    return "", -1


def _card(text: str) -> bool | None:
    """Whether a number shaped like a card's passes the Luhn checksum; None where nothing is shaped so."""
    match = _CARD.search(text)
    if match is None:
        return None
    digits = [int(digit) for digit in match[0] if digit.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _first_birthday(column: TextColumn, year: int, *, any_date: bool) -> int:
    latest = year if any_date else year - _OLD_ENOUGH_YEARS
    matches = [_FULL_DATE.fullmatch(unicodedata.normalize("NFKC", text)) for text in column.distinct.to_pylist()]
    return _first(column, [k for k, match in enumerate(matches) if match is not None and int(match[1]) <= latest])


def _first(column: TextColumn, hits: list[int]) -> int:
    """The first row whose distinct value is among `hits`; -1 where there is none."""
    rows = np.flatnonzero(np.isin(column.index, hits))
    return int(rows[0]) if len(rows) else -1
