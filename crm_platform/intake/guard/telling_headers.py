"""Headers that tell by themselves that a column holds personal data, or free text that may."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from crm_platform.intake.reading.raw_rows import matching_form

BY_NAME = "personal data by its name"
FREE_TEXT = "free text"

_PERSON = (
    "(顧客|会員|購入者|注文者|受注者?|送付先|配送先|お?届け?先|送り先|発送先?|請求先|受取人|依頼主|送り主|贈り主|支払者|担当者|お客(様|さま)"
    "|ユーザー?)"
)
_PERSONAL = re.compile(
    f"氏名|お名前|姓名|{_PERSON}(の|_)?(名前|名称?|姓|名字|苗字)($|[(_0-9]|カナ|かな|漢字|フリガナ|ふりがな)|[者様人主]名前|芳名|名義"
    "|名字|苗字|宛名|宛先|担当者?$|(届け?先|送り先|送付先|配送先|請求先|受取人|依頼主|送り主|贈り主|支払者|差出人)$"
    "|(?<![名称])カナ|名カナ|フリガナ|ふりがな|ヨミガナ|なまえ|しめい|シメイ|(?<![日見標])本名|ニックネーム|ハンドル名"
    "|(user|nick|login)_?name|ログイン_?id|login_?id"
    "|住所|番地|丁目|市区?町村(?!_?コード)|町名|町域|建物|マンション|アパート|ビル名|号室|所在地|緯度|経度|latitude|longitude"
    "|電話|携帯|連絡先|アドレス|メール$|メアド|郵便|〒|(生年|誕生)月日|誕生日"
    "|クレジットカード(番号)?$|カード番号|カード名義|口座|会社名|法人名|屋号|部署|勤務先|学校名|会社$"
    "|カード.{0,3}[下末]|last_?(4|four)|マイナンバー|個人番号|免許証|保険証|パスポート|パスワード|password"
    "|line_?(user|uid|ユーザ)|instagram|twitter|facebook|snsアカウント"
    "|e-?mail|birth_?da(y|te)|date_?of_?birth|credit_?card|card_?(number|no)"
    "|(first|last|family|given|full|middle)_?name|surname|(customer|billing|shipping|recipient|contact|holder)_?name"
    "|name_?kana|kana_?name|street|address|post(al)?_?code|zip_?(code)?$|(billing|shipping|customer)_(city|company)"
    "|^(city|company|employee|ip)$|(^|[^a-z])(tel|fax|dob|mail|zip)([^a-z]|$)|(^|[^a-z]|mobile|cell|home|tele)phone"
    "|メール\\d|(セイ|メイ)\\)|メルアド|メ-ル(アドレス)?\\d?$|(メンバー|家族|お子(様|さま|さん))(の|_)?(名前|名)$|配偶者$|世帯主$"
    "|^(氏名|お?名前)?[(_]?(読み仮名|読みがな|読み|よみがな|よみ|ヨミ|ローマ字)\\)?$|勤め先|自宅$"
)
_WHOLE_HEADERS = {
    "姓",
    "名",
    "氏",
    "名前",
    "セイ",
    "メイ",
    "カナ",
    "せい",
    "めい",
    "name",
    "kana",
    "tel1",
    "tel2",
    "tel3",
}
_HARMLESS = re.compile(
    "^.*(都道府県|province)(_?\\(?(id|code|コード|番号|名称?|区分)\\)?)?$|^.*(address|住所)_?id$|メール(便|配信|送信|マガジン|キャリア)"
    "|accepts_?(e-?mail|marketing)|media|campaign|媒体|(商品|ブランド|カテゴリ)名?.{0,3}カナ|mail_(order|magazine)"
)
_NO_WORD = "…"  # stands where harmless words were, so that what is left is no whole header (媒体名 is no 名)
_FREE_TEXT = re.compile(
    "備考|メモ|通信欄|のし|熨斗|名入れ|刻印|(配達|配送)指示|置き配|但し書き|ひとこと|一言|メール差込文|メッセージ|コメント|要望|事項欄|自由記入|^タグ$"
    "|(^|[^a-z])(notes?|memo|remarks?|comments?|message|tags)([^a-z]|$)"
)
_THING = re.compile(
    "商品|品名|品番|規格|ブランド|カテゴリ|媒体|広告|product|item|sku|brand|category|description|vendor|media|variant"
)
_TABLES_OF_THINGS = {"products", "media"}  # there `名前` and `name` are names of things
_PERSONAL_BESIDE_THINGS = re.compile(
    "氏名|名義|電話|携帯|連絡先|住所|郵便|生年月日|メールアドレス|e-?mail|phone|担当者名?$"
)


def kind_told(header: str, table: str) -> str:
    """BY_NAME, FREE_TEXT, or "" where the header alone tells nothing."""
    spellings = [_HARMLESS.sub(_NO_WORD, spelling) for spelling in _spellings(header)]
    if _is_personal(spellings, table):
        return BY_NAME
    return FREE_TEXT if any(_FREE_TEXT.search(spelling) for spelling in spellings) else ""


def names_a_thing(header: str, table: str) -> bool:
    """Whether the column holds names or codes of things (商品名), where katakana and digits are no sign of a person."""
    return table in _TABLES_OF_THINGS or any(_THING.search(spelling) for spelling in _spellings(header))


def _is_personal(spellings: Sequence[str], table: str) -> bool:
    form = spellings[0]
    if table in _TABLES_OF_THINGS:
        return form not in _WHOLE_HEADERS and _PERSONAL_BESIDE_THINGS.search(form) is not None
    if table == "order_lines" and form == "name":  # the order number of some carts (Shopify)
        return False
    return form in _WHOLE_HEADERS or any(_PERSONAL.search(spelling) for spelling in spellings)


def _spellings(header: str) -> tuple[str, str]:
    """`氏　名` is found without its space, `Billing Phone` with a border between its words."""
    return matching_form(header), "_".join(unicodedata.normalize("NFKC", header).casefold().split())
