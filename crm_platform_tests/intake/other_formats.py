"""Small exports in layouts for which there is no preset, and what each header is for, decided by reading the formats.

Headers as documented (futureshop, Next Engine, aiship, CS-Cart, the older Rakuten layout); rows are made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crm_platform.intake import DeliveredFile
from crm_platform_tests.intake.deliveries import file_of

_ORDERS = 12


@dataclass(frozen=True)
class OtherFormat:
    """An order file; `right`: headers and what they are for, `keys`: columns to be hashed, the others for nothing."""

    name: str
    file: DeliveredFile
    right: dict[str, set[str]]


def other_formats() -> list[OtherFormat]:
    """One file per layout."""
    return [futureshop(), next_engine(), aiship(), cs_cart(), older_rakuten()]


def _lines() -> list[dict[str, str]]:
    """Order n has one or two lines; the second line of every third order."""
    lines = []
    for n in range(_ORDERS):
        for k in range(1 + (n % 3 == 0)):
            lines.append(
                {
                    "order": f"R{1000 + n}",
                    "line": str(k + 1),
                    "day": f"2025/04/{n + 1:02d}",
                    "time": f"10:{n:02d}:05",
                    "product": f"SP-{(n + k) % 5:03d}",
                    "thing": ("青汁①", "石鹸", "化粧水", "ビタミンC", "お茶")[(n + k) % 5],
                    "quantity": str(1 + (n + k) % 3),
                    "price": str(980 + 100 * ((n + k) % 5)),
                    "goods": str(3000 + 10 * n),
                    "fee": "600" if n % 2 else "0",
                    "off": str(50 * (n % 4)),
                    "family": "架空" + "一二三四五六七八九十甲乙"[n],
                    "mail": f"mihon{n}@example.jp",
                    "phone": f"090-0000-{1000 + n}",
                }
            )
    return lines


def _file(name: str, headers: Sequence[str], values: dict[str, str], encoding: str = "cp932") -> DeliveredFile:
    """`values`: by header the key of a line, or a text that begins with `=`; headers without one are empty."""
    rows = [
        [spec[1:] if (spec := values.get(header, "=")).startswith("=") else _filled(spec, line) for header in headers]
        for line in _lines()
    ]
    return file_of(name, [list(headers), *rows], encoding, ",")


def _list(headers: str) -> list[str]:
    return headers.split(",")


def _filled(spec: str, line: dict[str, str]) -> str:
    return " ".join(line[part] for part in spec.split("+"))


def futureshop() -> OtherFormat:
    headers = [
        "受注コード",
        "注文日時",
        "請求合計金額",
        "商品合計金額",
        "消費税合計",
        "包装手数料",
        "送料",
        "決済手数料",
        "クール便手数料",
        "その他手数料",
        "決済方法",
        "コンビニ区分",
        "コンビニ支払番号",
        "通信欄",
        "ショップメモ",
        "入金フラグ",
        "入金確認日",
        "氏名(姓)",
        "氏名(名)",
        "メールアドレス(サブ)",
        "メールアドレス(モバイル)",
        "郵便番号",
        "都道府県区分",
        "住所1",
        "住所2",
        "住所3",
        "電話番号(メイン)",
        "電話番号(サブ)",
        "携帯電話番号",
        "お届け先氏名(姓)",
        "お届け先氏名(名)",
        "お届け先フリガナ(姓)",
        "お届け先フリガナ(名)",
        "お届け先郵便番号",
        "お届け先都道府県区分",
        "お届け先住所1",
        "お届け希望日",
        "お届け希望時間",
        "詳細指定事項欄",
        "商品番号",
        "枝番号",
        "商品名",
        "項目選択肢",
        "バリエーション名",
        "オプション価格選択肢コード",
        "オプション価格",
        "販売単価",
        "購入数量",
        "ポイント利用の有無",
        "ポイント利用額",
        "配送サービス",
        "割引合計金額(商品)",
        "割引合計金額(送料)",
    ]
    values = {
        "受注コード": "order",
        "注文日時": "day+time",
        "請求合計金額": "goods",
        "商品合計金額": "goods",
        "送料": "fee",
        "氏名(姓)": "family",
        "電話番号(メイン)": "phone",
        "都道府県区分": "=東京都",
        "商品番号": "product",
        "商品名": "thing",
        "販売単価": "price",
        "購入数量": "quantity",
        "割引合計金額(商品)": "off",
        "決済方法": "=代金引換",
        "枝番号": "=01",
        "入金フラグ": "=1",
        "消費税合計": "=0",
    }
    right = {
        "受注コード": {"order_lines.order_id"},
        "注文日時": {"order_lines.ordered_at"},
        "送料": {"order_lines.shipping_fee_jpy"},
        "商品番号": {"order_lines.product_id"},
        "商品名": {"products.product_name"},
        "販売単価": {"order_lines.unit_price_jpy"},
        "購入数量": {"order_lines.quantity"},
        "割引合計金額(商品)": {"order_lines.discount_jpy"},
        "都道府県区分": {"customers.prefecture"},
        "氏名(姓)": {"order_lines.customer_id"},
        "氏名(名)": {"order_lines.customer_id"},
        "電話番号(メイン)": {"order_lines.customer_id"},
    }
    return OtherFormat("futureshop", _file("fs_orders.csv", headers, values), right)


def next_engine() -> OtherFormat:
    headers = [
        "店舗伝票番号",
        "受注日",
        "受注郵便番号",
        "受注住所1",
        "受注住所2",
        "受注名",
        "受注名カナ",
        "受注電話番号",
        "受注メールアドレス",
        "発送郵便番号",
        "発送先住所1",
        "発送先住所2",
        "発送先名",
        "発送先カナ",
        "発送電話番号",
        "支払方法",
        "発送方法",
        "商品計",
        "税金",
        "発送料",
        "手数料",
        "ポイント",
        "その他費用",
        "合計金額",
        "ギフトフラグ",
        "時間帯指定",
        "日付指定",
        "作業者欄",
        "備考",
        "商品名",
        "商品コード",
        "商品価格",
        "受注数量",
        "商品オプション",
        "出荷済フラグ",
        "顧客区分",
        "顧客コード",
    ]
    values = {
        "店舗伝票番号": "order",
        "受注日": "day+time",
        "受注名": "family",
        "受注電話番号": "phone",
        "受注メールアドレス": "mail",
        "支払方法": "=代金引換",
        "発送方法": "=宅配便",
        "商品計": "goods",
        "税金": "=0",
        "発送料": "fee",
        "合計金額": "goods",
        "商品名": "thing",
        "商品コード": "product",
        "商品価格": "price",
        "受注数量": "quantity",
        "出荷済フラグ": "=0",
        "顧客区分": "=0",
        "顧客コード": "family",
        "手数料": "=0",
        "ポイント": "=0",
        "その他費用": "=0",
        "ギフトフラグ": "=0",
    }
    right = {
        "店舗伝票番号": {"order_lines.order_id"},
        "受注日": {"order_lines.ordered_at"},
        "発送料": {"order_lines.shipping_fee_jpy"},
        "商品名": {"products.product_name"},
        "商品コード": {"order_lines.product_id"},
        "商品価格": {"order_lines.unit_price_jpy"},
        "受注数量": {"order_lines.quantity"},
        "顧客コード": {"order_lines.customer_id"},
        "顧客区分": {"customers.client_rank"},
    }
    return OtherFormat("Next Engine", _file("ne_hanyo.csv", headers, values), right)


def aiship() -> OtherFormat:
    headers = [
        "注文番号",
        "INDEX",
        "注文日時",
        "商品管理番号",
        "商品名",
        "数量",
        "商品単価",
        "合計入金額",
        "返金日時",
        "合計返金額",
        "管理ステータス",
        "入金済ステータス",
        "会員ID",
        "送料",
        "決済方法",
    ]
    values = {
        "注文番号": "order",
        "INDEX": "line",
        "注文日時": "day+time",
        "商品管理番号": "product",
        "商品名": "thing",
        "数量": "quantity",
        "商品単価": "price",
        "合計入金額": "goods",
        "管理ステータス": "=新規",
        "入金済ステータス": "=入金済",
        "会員ID": "family",
        "送料": "fee",
        "決済方法": "=代引",
        "合計返金額": "=0",
    }
    right = {
        "注文番号": {"order_lines.order_id"},
        "INDEX": {"order_lines.line_no"},
        "注文日時": {"order_lines.ordered_at"},
        "商品管理番号": {"order_lines.product_id"},
        "商品名": {"products.product_name"},
        "数量": {"order_lines.quantity"},
        "商品単価": {"order_lines.unit_price_jpy"},
        "返金日時": {"order_lines.cancelled_on"},
        "管理ステータス": {"order_lines.status"},
        "会員ID": {"order_lines.customer_id"},
        "送料": {"order_lines.shipping_fee_jpy"},
    }
    return OtherFormat("aiship", _file("aiship.csv", headers, values), right)


def cs_cart() -> OtherFormat:
    headers = [
        "Order ID",
        "User ID",
        "Total",
        "Subtotal",
        "Discount",
        "Shipping cost",
        "Date",
        "Status",
        "Product code",
        "Price",
        "Amount",
    ]
    values = {
        "Order ID": "order",
        "User ID": "family",
        "Total": "goods",
        "Subtotal": "goods",
        "Discount": "off",
        "Shipping cost": "fee",
        "Date": "=04/25/2025",
        "Status": "=P",
        "Product code": "product",
        "Price": "price",
        "Amount": "quantity",
    }
    right = {
        "Order ID": {"order_lines.order_id"},
        "User ID": {"order_lines.customer_id"},
        "Discount": {"order_lines.discount_jpy"},
        "Shipping cost": {"order_lines.shipping_fee_jpy"},
        "Date": {"order_lines.ordered_at"},
        "Status": {"order_lines.status"},
        "Product code": {"order_lines.product_id"},
        "Price": {"order_lines.unit_price_jpy"},
        "Amount": {"order_lines.quantity"},
    }
    return OtherFormat("CS-Cart", _file("orders.csv", headers, values, "utf-8"), right)


def older_rakuten() -> OtherFormat:
    headers = [
        "受注番号",
        "受注ステータス",
        "カード決済ステータス",
        "入金日",
        "配送日",
        "お届け時間帯",
        "お届け日指定",
        "担当者",
        "ひとことメモ",
        "メール差込文(お客様へのメッセージ)",
        "初期購入合計金額",
        "利用端末",
        "注文日",
        "注文時間",
        "キャンセル期限日",
        "メールアドレス",
        "注文者郵便番号1",
        "注文者都道府県",
        "注文者都市区",
        "注文者町以降",
        "注文者名字",
        "注文者名前",
        "注文者名字フリガナ",
        "注文者電話番号1",
        "注文者電話番号2",
        "注文者電話番号3",
        "合計",
        "送料",
        "消費税",
        "請求金額",
        "商品名",
        "商品番号",
        "単価",
        "個数",
        "項目・選択肢",
        "在庫タイプ",
    ]
    values = {
        "受注番号": "order",
        "受注ステータス": "=新規受付",
        "注文日": "day",
        "注文時間": "time",
        "メールアドレス": "mail",
        "注文者都道府県": "=東京都",
        "注文者名字": "family",
        "注文者名前": "family",
        "注文者電話番号1": "=090",
        "注文者電話番号2": "=0000",
        "注文者電話番号3": "quantity",
        "合計": "goods",
        "送料": "fee",
        "消費税": "=0",
        "請求金額": "goods",
        "商品名": "thing",
        "商品番号": "product",
        "単価": "price",
        "個数": "quantity",
        "配送日": "day",
        "利用端末": "=1",
        "在庫タイプ": "=1",
        "初期購入合計金額": "goods",
    }
    right = {
        "受注番号": {"order_lines.order_id"},
        "受注ステータス": {"order_lines.status"},
        "注文日": {"order_lines.ordered_at"},
        "注文時間": {"order_lines.ordered_at"},
        "配送日": {"order_lines.shipped_on"},
        "注文者都道府県": {"customers.prefecture"},
        "送料": {"order_lines.shipping_fee_jpy"},
        "商品名": {"products.product_name"},
        "商品番号": {"order_lines.product_id"},
        "単価": {"order_lines.unit_price_jpy"},
        "個数": {"order_lines.quantity"},
        "注文者名字": {"order_lines.customer_id"},
        "注文者名前": {"order_lines.customer_id"},
        "注文者電話番号1": {"order_lines.customer_id"},
        "注文者電話番号2": {"order_lines.customer_id"},
        "注文者電話番号3": {"order_lines.customer_id"},
    }
    return OtherFormat("older Rakuten", _file("rakuten.csv", headers, values), right)
