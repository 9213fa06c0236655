"""Headers that tell by themselves that a column holds personal data, or free text that may."""

from __future__ import annotations

import re
import unicodedata

from crm_platform.intake.reading.raw_rows import matching_form

BY_NAME = "personal data by its name"
FREE_TEXT = "free text"

_PERSON = "(顧客|会員|購入者|注文者|受注者?|送付先|配送先|届け先|お届け先|発送先?|請求先|受取人|依頼主|担当者|お客様)"
_PERSONAL = re.compile(
    f"氏名|お名前|姓名|{_PERSON}(の|_)?(名|姓|名字|苗字)($|[(_]|カナ|かな|漢字|フリガナ|ふりがな)|名字|苗字|宛名|^担当者$"
    "|(?<![名称])カナ|名カナ|フリガナ|ふりがな|ヨミガナ|住所|番地|建物名|電話|携帯|メールアドレス|メアド|郵便|生年月日|誕生日"
    "|クレジットカード(番号)?$|カード番号|カード名義|口座|会社名|勤務先"
    "|e-?mail|birth_?da(y|te)|date_?of_?birth|credit_?card|card_?(number|no)"
    "|(first|last|family|given|full|middle)_?name|surname|(customer|billing|shipping|recipient|contact|holder)_?name"
    "|street|address|post(al)?_?code|zip_?(code)?$|(billing|shipping|customer)_(city|company)|^(city|company|employee)$"
    "|(^|[^a-z])(tel|fax|dob|mail|zip)([^a-z]|$)|(^|[^a-z]|mobile|cell|home|tele)phone|^メール$|メール\\d|(セイ|メイ)\\)"
)
_WHOLE_HEADERS = {"姓", "名", "名前", "セイ", "メイ", "カナ", "name", "tel1", "tel2", "tel3"}
_HARMLESS = re.compile(
    "都道府県|province|(address|住所)_?id$|メール(便|配信|送信|マガジン|キャリア)|accepts_?(e-?mail|marketing)"
    "|media|campaign|媒体|(商品|ブランド|カテゴリ)名?.{0,3}カナ|mail_(order|magazine)"
)
_FREE_TEXT = re.compile(
    "備考|メモ|通信欄|のし|熨斗|ひとこと|一言|メール差込文|メッセージ|コメント|要望|事項欄|自由記入|^タグ$"
    "|(^|[^a-z])(notes?|memo|remarks?|comments?|message|tags)([^a-z]|$)"
)
_THING = re.compile(
    "商品|品名|品番|規格|ブランド|カテゴリ|媒体|広告|product|item|sku|brand|category|description|vendor|media|variant"
)
_TABLES_OF_THINGS = {"products", "media"}  # there `名前` and `name` are names of things
_PERSONAL_BESIDE_THINGS = re.compile("氏名|電話|住所|郵便|メールアドレス|e-?mail|phone|担当者$")


def kind_told(header: str, table: str) -> str:
    """BY_NAME, FREE_TEXT, or "" where the header alone tells nothing."""
    spellings = _spellings(header)
    if any(_HARMLESS.search(spelling) for spelling in spellings):
        return ""
    if _is_personal(spellings, table):
        return BY_NAME
    return FREE_TEXT if any(_FREE_TEXT.search(spelling) for spelling in spellings) else ""


def names_a_thing(header: str, table: str) -> bool:
    """Whether the column holds names or codes of things (商品名), where katakana and digits are no sign of a person."""
    return table in _TABLES_OF_THINGS or any(_THING.search(spelling) for spelling in _spellings(header))


def _is_personal(spellings: tuple[str, str], table: str) -> bool:
    form = spellings[0]
    if table in _TABLES_OF_THINGS:
        return form not in _WHOLE_HEADERS and _PERSONAL_BESIDE_THINGS.search(form) is not None
    if table == "order_lines" and form == "name":  # the order number of some carts (Shopify)
        return False
    return form in _WHOLE_HEADERS or any(_PERSONAL.search(spelling) for spelling in spellings)


def _spellings(header: str) -> tuple[str, str]:
    """`氏　名` is found without its space, `Billing Phone` with a border between its words."""
    return matching_form(header), "_".join(unicodedata.normalize("NFKC", header).casefold().split())
