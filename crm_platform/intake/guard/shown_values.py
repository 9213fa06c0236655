"""Values as a message may show them (R15): codes, words of the trade, plain numbers; never what may be a person."""

from __future__ import annotations

import re
import unicodedata

import pyarrow as pa

from crm_platform.intake.guard.telling_values import positions_by_kind, suspects
from crm_platform.intake.reading.text_column import TextColumn

_LONGEST_CODE = 20
_LONGEST_SHOWN = 40
_TWO_WORDS = re.compile(r"[A-Za-z]{2,}[ ,.]+[A-Za-z]{2,}")  # may be first and last name
_CODE = re.compile(r"[a-z]{1,3}|(?=.*\d)[a-z0-9_./#+-]{1,8}|[a-z]{1,4}[_-]?\d{1,6}")
_TRADE_WORD = re.compile(
    "状態|状況|注文|受注|発注|出荷|発送|配送|配達|入金|支払|決済|請求|返品|返金|返送|交換|取消|取り消し|キャンセル|対応|処理|保留|確認|確定"
    "|完了|待ち|未[入出発処対確払完回決着]|済み?$|^未$|^仮$|失敗|不可|エラー|定期|都度|単発|通常|予約|頒布|まとめ|一括|継続|解約|停止|休止"
    "|再開|スキップ|変更|開始|終了|有効|無効|削除|サンプル|ギフト|その他|不明|^(なし|あり)$|商品|送料|手数料|割引|値引|消費税|ポイント"
    "|クーポン|ship|deliver|paid|pay|pend|cancel|return|refund|complet|process|hold|open|close|order|subscri|one.?off|fail|draft|activ"
    "|archiv|void|authoriz|partial|fulfil|pick|wait|stop|skip|start|resum|switch|paus|bulk"
)
_REASON_CODE = re.compile(r"(?=.*\d)[a-z0-9_./#+-]{1,8}")
_REASON_WORD = re.compile(
    "価格|値段|高い|高額|料金|金額|節約|経済|家計|余っ|余り|在庫|溜ま|飲み切|使い切|残って|効果|実感|変化|体質|肌|合わ|副作用|アレルギー"
    "|体調|妊娠|入院|医師|味が|香り|匂い|におい|飽き|他社|競合|乗り換|切り替|引越|引っ越|転居|海外|不在|届|配送|配達|解約|休止|停止|変更"
    "|不要|必要|目的|達成|お試し|初回|間隔|周期|品質|サービス|対応|不満|忘れ|死亡|逝去|家族|都合|満足|その他|不明|^(なし|あり)$"
    r"|\b(surplus|stock|price|cost|expensive|budget|effect|body|skin|allergy|taste|smell|health|pregnan\w*|competitor|other"
    r"|first|trial|quality|service|deliver\w*|moving|moved|need\w*|satisfied|interval|unknown|none|cancel\w*)\b"
)
_OF_A_PERSON = re.compile("(?<!お客)(様|さん|氏|殿)")


def is_shown_reason(text: str) -> bool:
    """Whether a reason as delivered is a code with a digit or holds a word of such reasons (解約理由), and no name.

    A name in ordinary script cannot be told from other words, however many rows share it; so what is neither is kept
    back (R124).
    """
    plain = unicodedata.normalize("NFKC", text).casefold().replace("_", " ")
    is_word = _REASON_WORD.search(plain) is not None and _OF_A_PERSON.search(plain) is None
    return len(text) <= _LONGEST_CODE and (is_word or _REASON_CODE.fullmatch(plain.replace(" ", "_")) is not None)


def shown_code(text: str) -> str:
    """The value in quotation marks where it looks like a code or holds a word of the trade, else only its length."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    if len(text) <= _LONGEST_CODE and (_CODE.fullmatch(plain) or _TRADE_WORD.search(plain)):
        return f"'{text}'"
    return _only_its_length(text)


def shown_value(text: str) -> str:
    """What stands where a number or a day belongs, in quotation marks; only its length where it may be a person."""
    plain = unicodedata.normalize("NFKC", text)
    tells = positions_by_kind(suspects(TextColumn.of(pa.array([plain]))))
    if plain.isascii() and not tells and not _TWO_WORDS.search(plain):
        return repr(text[:_LONGEST_SHOWN])
    return _only_its_length(text)


def _only_its_length(text: str) -> str:
    return f"a text of {len(text)} characters that is not shown"
