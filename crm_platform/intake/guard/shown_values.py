"""Values of a coded column as a message may show them (R15): codes and words of the trade, never what may be a name."""

from __future__ import annotations

import re
import unicodedata

_LONGEST_CODE = 20
_CODE = re.compile(r"[a-z]{1,3}|(?=.*\d)[a-z0-9_./#+-]{1,8}|[a-z]{1,4}[_-]?\d{1,6}")
_TRADE_WORD = re.compile(
    "状態|状況|注文|受注|発注|出荷|発送|配送|配達|入金|支払|決済|請求|返品|返金|返送|交換|取消|取り消し|キャンセル|対応|処理|保留|確認|確定"
    "|完了|待ち|未[入出発処対確払完回決着]|済み?$|^未$|^仮$|失敗|不可|エラー|定期|都度|単発|通常|予約|頒布|まとめ|一括|継続|解約|停止|休止"
    "|再開|スキップ|変更|開始|終了|有効|無効|削除|サンプル|ギフト|その他|不明|^(なし|あり)$|商品|送料|手数料|割引|値引|消費税|ポイント"
    "|クーポン|ship|deliver|paid|pay|pend|cancel|return|refund|complet|process|hold|open|close|order|subscri|one.?off|fail|draft|activ"
    "|archiv|void|authoriz|partial|fulfil|pick|wait|stop|skip|start|resum|switch|paus|bulk"
)


def shown_code(text: str) -> str:
    """The value in quotation marks where it looks like a code or holds a word of the trade, else only its length."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    if len(text) <= _LONGEST_CODE and (_CODE.fullmatch(plain) or _TRADE_WORD.search(plain)):
        return f"'{text}'"
    return f"a text of {len(text)} characters that is not shown"
