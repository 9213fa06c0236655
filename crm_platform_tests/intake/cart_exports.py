"""Complete exports of four carts, as their shops download them, from one small made-up history with a known truth.

The headers are those of the carts (see the presets); persons, orders and every personal value are made up and planted.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from crm_platform.intake import DeliveredFile

Row = Mapping[str, object]


@dataclass(frozen=True)
class TrueOrder:
    """What an order is, whatever its cart writes. `set_aside`: the rule that leaves it out, None for a real order.

    `customer`: the customer's number where the cart has one, else the person's own e-mail address as first written.
    """

    customer: str
    ordered_jpy: int
    sales_jpy: int
    kind: str
    set_aside: str | None = None


@dataclass(frozen=True)
class CartExport:
    """The files of a cart and, by order id, the truth."""

    preset: str
    files: list[DeliveredFile]
    truth: dict[str, TrueOrder]

    @property
    def orders(self) -> dict[str, TrueOrder]:
        """The orders that are to be admitted."""
        return {order_id: order for order_id, order in self.truth.items() if order.set_aside is None}


# --- the made-up history ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Person:
    """A made-up customer; every text here is planted personal data."""

    number: int
    family: str
    family_kana: str
    given: str
    given_kana: str

    @property
    def email(self) -> str:
        """An address at a domain that cannot exist."""
        return f"kakuu.{self.number:02d}@mihon.example.jp"

    @property
    def phone(self) -> tuple[str, str, str]:
        """The three parts of the number."""
        return "090", "0000", f"{5600 + self.number}"

    @property
    def postal_code(self) -> tuple[str, str]:
        """Two parts."""
        return f"{990 + self.number % 9}", f"{8000 + self.number}"

    @property
    def town(self) -> str:
        """Town and quarter."""
        return f"架空市見本{self.number}町"

    @property
    def street(self) -> str:
        """The rest of the address."""
        return f"{self.number}丁目{self.number + 2}-{self.number + 5} 見本荘{100 + self.number}号室"

    @property
    def birthday(self) -> dt.date:
        """Long ago."""
        return dt.date(1948 + self.number * 3, 1 + self.number % 12, 3 + self.number)

    @property
    def prefecture(self) -> str:
        """No secret."""
        return ("東京都", "大阪府", "北海道", "福岡県")[self.number % 4]

    @property
    def registered_at(self) -> dt.datetime:
        """Before every order."""
        return dt.datetime(2023, 1 + self.number % 12, 5, 9, 30)

    @property
    def wish(self) -> str:
        """A free text that names the person, with a line break."""
        return f"{self.family}宛\n必ず{'-'.join(self.phone)}へ電話"


_NAMES = [
    ("架空山", "カクウヤマ"), ("架空川", "カクウガワ"), ("髙見本", "タカミホン"), ("架空谷", "カクウダニ"),
    ("見本崎", "ミホンザキ"), ("架空森", "カクウモリ"), ("仮名田", "カメイダ"), ("架空野", "カクウノ"),
    ("見本橋", "ミホンバシ"), ("架空原", "カクウバラ"), ("仮名井", "カメイイ"), ("架空沢", "カクウサワ"),
]  # fmt: skip
PEOPLE = [
    Person(n, family, kana, f"試{letter}", f"タメシ{reading}")
    for n, ((family, kana), (letter, reading)) in enumerate(
        zip(_NAMES, [("子", "コ"), ("郎", "ロウ"), ("美", "ミ"), ("代", "ヨ")] * 3, strict=True), 1
    )
]


def _planted(person: Person) -> Iterable[str]:
    postal, phone = person.postal_code, person.phone
    yield from (person.family, person.family_kana, person.given + person.family, person.family + person.given)
    yield from (f"{person.family} {person.given}", f"{person.family_kana} {person.given_kana}")
    yield from (person.email, "-".join(phone), "".join(phone), "-".join(postal), "".join(postal))
    yield from (person.town, person.street, person.birthday.isoformat(), f"{person.birthday:%Y/%m/%d}")
    yield f"{person.family}商店"


PLANTED: tuple[str, ...] = tuple(sorted({value for person in PEOPLE for value in _planted(person)}))
"""Every personal value that stands in the exports; none may be found in anything stored."""


@dataclass(frozen=True)
class Product:
    """A product of the made-up shop; prices without tax."""

    number: int
    code: str
    name: str
    price_jpy: int


PRODUCTS = [
    Product(1, "AOJIRU-30", "青汁① 30包", 3980),
    Product(2, "SOAP-1", "㈱見本の石鹸～無香料～", 1200),
    Product(3, "VITA-90", "ビタミンC, 90粒", 2480),
    Product(4, "CREAM-50", 'クリーム "しっとり" 50g', 4296),
    Product(5, "TRIAL-7", "お試し 7日分", 501),
]


@dataclass(frozen=True)
class Order:
    """An order of the made-up history. `state`: open, shipped, cancelled, returned."""

    number: int
    person: Person
    ordered_at: dt.datetime
    lines: tuple[tuple[Product, int], ...]
    discount_jpy: int
    shipping_jpy: int
    points: int
    state: str
    cycle_no: int  # 0: 都度

    @cached_property
    def goods_jpy(self) -> int:
        """Price × quantity of all lines."""
        return sum(product.price_jpy * quantity for product, quantity in self.lines)

    @property
    def ordered_jpy(self) -> int:
        """受注金額."""
        return self.goods_jpy - self.discount_jpy

    @property
    def total_jpy(self) -> int:
        """With shipping."""
        return self.ordered_jpy + self.shipping_jpy

    @property
    def shipped_at(self) -> dt.datetime | None:
        """Two days later, where it was shipped."""
        return self.ordered_at + dt.timedelta(days=2) if self.state in {"shipped", "returned"} else None

    @property
    def contract(self) -> str:
        """The subscription's number, ten hexadecimal digits; empty for 都度."""
        return f"{0xC0FFEE0000 + self.person.number:010x}" if self.cycle_no else ""

    def truth(self, customer: str, *, undone: bool | None = None) -> TrueOrder:
        """受注金額 counts cancelled orders, 売上 does not (R21)."""
        gone = self.state in {"cancelled", "returned"} if undone is None else undone
        kind = "subscription" if self.cycle_no else "one_off"
        return TrueOrder(customer, self.ordered_jpy, 0 if gone else self.ordered_jpy, kind)


_STATES = ("shipped", "shipped", "open", "cancelled", "shipped", "shipped", "returned", "open", "shipped", "open")
_DISCOUNTS_JPY = (0, 300, 0, 137, 0, 499, 0, 1)


def _history() -> list[Order]:
    cycles = dict.fromkeys(range(13), 0)
    orders = []
    for n in range(48):
        person = PEOPLE[n * 7 % 12]
        lines = tuple((PRODUCTS[(n + 2 * k) % 5], 1 + (n + k) % 3) for k in range(1 + n % 3))
        subscribes = person.number % 3 == 0
        cycles[person.number] += subscribes
        at = dt.datetime(2025, 1, 4, 8, 5, 9) + dt.timedelta(days=3 * n, hours=n % 13, minutes=7 * n % 60)
        orders.append(
            Order(
                number=n + 1,
                person=person,
                ordered_at=at,
                lines=lines,
                discount_jpy=min(_DISCOUNTS_JPY[n % 8], PRODUCTS[n % 5].price_jpy - 1),
                shipping_jpy=0 if n % 4 == 0 else 600,
                points=50 if n % 6 == 1 else 0,
                state=_STATES[n % 10],
                cycle_no=cycles[person.number] if subscribes else 0,
            )
        )
    return orders


HISTORY = _history()


def csv_bytes(headers: Sequence[str], rows: Iterable[Sequence[object]], encoding: str, line_end: str) -> bytes:
    """Rows as CSV, quoted where needed; headers may repeat."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=line_end)
    writer.writerow(headers)
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def _file(name: str, headers: Sequence[str], rows: Iterable[Row], encoding: str, line_end: str) -> DeliveredFile:
    values = ([row.get(header, "") for header in headers] for row in rows)
    return DeliveredFile(name, csv_bytes(headers, values, encoding, line_end))


def _stamp(at: dt.datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


def _list(headers: str) -> list[str]:
    return headers.split(",")


# --- EC-CUBE 4 ----------------------------------------------------------------------------------------------------

EC_CUBE_ORDER_HEADERS = _list(
    "注文ID,注文番号,会員ID,お名前(姓),お名前(名),お名前(セイ),お名前(メイ),会社名,郵便番号,都道府県(ID),"
    "都道府県(名称),住所1,住所2,"
    "メールアドレス,TEL,性別(ID),性別(名称),職業(ID),職業(名称),誕生日,ショップ用メモ欄,小計,値引き,送料,税金,合計,"
    "支払合計,"
    "対応状況(ID),対応状況(名称),支払方法(ID),支払方法(名称),受注日,入金日,注文詳細ID,商品ID,商品規格ID,商品名,"
    "商品コード,規格名1,規格名2,"
    "規格分類名1,規格分類名2,価格,個数,税率,税率ルール(ID),明細区分(ID),明細区分(名称),出荷ID,配送先_お名前(姓),"
    "配送先_お名前(名),"
    "配送先_お名前(セイ),配送先_お名前(メイ),配送先_会社名,配送先_郵便番号,配送先_都道府県(ID),配送先_都道府県(名称),"
    "配送先_住所1,配送先_住所2,"
    "配送先_TEL,配送業者(ID),配送業者(名称),お届け時間ID,お届け時間(名称),お届け希望日,送料,発送日,出荷伝票番号,"
    "配達用メモ,出荷メール送信日"
)
EC_CUBE_CUSTOMER_HEADERS = _list(
    "会員ID,お名前(姓),お名前(名),お名前(セイ),お名前(メイ),会社名,郵便番号,都道府県(ID),都道府県(名称),住所1,住所2,"
    "メールアドレス,TEL,"
    "性別(ID),性別(名称),職業(ID),職業(名称),誕生日,初回購入日,最終購入日,購入回数,ショップ用メモ欄,"
    "会員ステータス(ID),会員ステータス(名称),"
    "登録日,更新日,ポイント"
)
EC_CUBE_PRODUCT_HEADERS = _list(
    "商品ID,公開ステータス(ID),公開ステータス(名称),商品名,ショップ用メモ欄,商品説明(一覧),商品説明(詳細),検索ワード,"
    "フリーエリア,商品規格ID,"
    "販売種別(ID),販売種別(名称),規格分類1(ID),規格分類1(名称),規格分類2(ID),規格分類2(名称),発送日目安(ID),"
    "発送日目安(名称),商品コード,"
    "在庫数,在庫数無制限フラグ,販売制限数,通常価格,販売価格,商品画像,商品カテゴリ(ID),商品カテゴリ(名称),タグ(ID),"
    "タグ(名称)"
)
_EC_CUBE_STATES = {
    "open": ((1, "新規受付"), (4, "対応中"), (6, "入金済み"), (7, "決済処理中")),
    "shipped": ((5, "発送済み"),),
    "cancelled": ((3, "注文取消し"),),
    "returned": ((9, "返品"),),
}


def ec_cube_4() -> CartExport:
    """受注CSV with a row per item of every kind, 会員CSV and 商品CSV; orders of guests and unfinished ones too."""
    rows, truth, item = list[list[object]](), dict[str, TrueOrder](), 0
    for order in HISTORY:
        guest, unfinished = order.number % 11 == 5, order.number % 13 == 7
        states = _EC_CUBE_STATES[order.state]
        state = (8, "購入処理中") if unfinished else states[order.number % len(states)]
        head = _ec_cube_head(order, "" if guest else str(order.person.number), state)
        for kind, product, name, price, quantity in _ec_cube_items(order):
            item += 1
            rows.append(_ec_cube_row(head, item, kind, product, name, price, quantity))
        true = order.truth(str(order.person.number))
        true = TrueOrder(true.customer, true.ordered_jpy, true.sales_jpy, "one_off", None)  # 定期 is not in its core
        why = "not_an_order" if unfinished else "guest" if guest else None
        truth[str(order.number)] = TrueOrder(true.customer, true.ordered_jpy, true.sales_jpy, true.kind, why)
    files = [
        DeliveredFile("order_20250701093000.csv", csv_bytes(EC_CUBE_ORDER_HEADERS, rows, "cp932", "\r\n")),
        _file(
            "customer_20250701093100.csv", EC_CUBE_CUSTOMER_HEADERS, map(_ec_cube_member, PEOPLE[:-1]), "cp932", "\r\n"
        ),
        _file("product_20250701093200.csv", EC_CUBE_PRODUCT_HEADERS, map(_ec_cube_product, PRODUCTS), "cp932", "\r\n"),
    ]
    return CartExport("ec-cube-4", files, truth)


def _ec_cube_items(order: Order) -> Iterable[tuple[tuple[int, str], Product | None, str, int, int]]:
    for product, quantity in order.lines:
        yield (1, "商品"), product, product.name, product.price_jpy, quantity
    yield (2, "送料"), None, "送料", order.shipping_jpy, 1
    if order.number % 5 == 0:
        yield (3, "手数料"), None, "代引手数料", 330, 1
    if order.discount_jpy:
        yield (4, "割引"), None, "割引", -order.discount_jpy, 1
    if order.number % 7 == 0:
        yield (5, "税"), None, "税", 120, 1
    if order.points:
        yield (6, "ポイント"), None, "ポイント", -order.points, 1


def _ec_cube_person(person: Person, prefix: str = "") -> dict[str, object]:
    return {
        f"{prefix}お名前(姓)": person.family,
        f"{prefix}お名前(名)": person.given,
        f"{prefix}お名前(セイ)": person.family_kana,
        f"{prefix}お名前(メイ)": person.given_kana,
        f"{prefix}会社名": f"{person.family}商店" if person.number % 5 == 0 else "",
        f"{prefix}郵便番号": "".join(person.postal_code),
        f"{prefix}都道府県(ID)": 13 + person.number % 4,
        f"{prefix}都道府県(名称)": person.prefecture,
        f"{prefix}住所1": person.town,
        f"{prefix}住所2": person.street,
        f"{prefix}TEL": "".join(person.phone),
    }


def _ec_cube_head(order: Order, member: str, state: tuple[int, str]) -> dict[str, object]:
    person = order.person
    return {
        **_ec_cube_person(person),
        **_ec_cube_person(person, "配送先_"),
        **{"注文ID": order.number, "注文番号": order.number, "会員ID": member, "メールアドレス": person.email},
        **{"性別(ID)": 1 + person.number % 2, "性別(名称)": ("男性", "女性")[person.number % 2]},
        **{"誕生日": f"{person.birthday} 00:00:00", "ショップ用メモ欄": person.wish if order.number % 8 == 0 else ""},
        **{"小計": order.goods_jpy, "値引き": order.discount_jpy, "税金": 0},
        **{"合計": order.total_jpy, "支払合計": order.total_jpy - order.points},
        **{"対応状況(ID)": state[0], "対応状況(名称)": state[1], "支払方法(ID)": 4, "支払方法(名称)": "代金引換"},
        **{"受注日": _stamp(order.ordered_at), "出荷ID": order.number, "発送日": _stamp(order.shipped_at)},
        **{
            "配送業者(ID)": 1,
            "配送業者(名称)": "サンプル宅配",
            "配達用メモ": person.wish if order.number % 9 == 0 else "",
        },
    }


def _ec_cube_row(
    head: Row, item: int, kind: tuple[int, str], product: Product | None, name: str, price: int, quantity: int
) -> list[object]:
    code = {"商品ID": product.number, "商品規格ID": product.number + 10, "商品コード": product.code} if product else {}
    row = {
        **head,
        **code,
        **{"注文詳細ID": item, "商品名": name, "価格": f"{price}.00", "個数": quantity, "税率": 10},
        **{"明細区分(ID)": kind[0], "明細区分(名称)": kind[1], "送料": 600},
    }
    return [row.get(header, "") for header in EC_CUBE_ORDER_HEADERS]


def _ec_cube_member(person: Person) -> Row:
    status = ("本会員", 2) if person.number % 4 else ("退会", 3)
    return {
        **_ec_cube_person(person),
        **{"会員ID": person.number, "メールアドレス": person.email, "誕生日": f"{person.birthday} 00:00:00"},
        **{"性別(ID)": 1 + person.number % 2, "性別(名称)": ("男性", "女性")[person.number % 2]},
        **{"初回購入日": "2025-01-10 10:00:00", "最終購入日": "2025-05-20 10:00:00", "購入回数": 4, "ポイント": 120},
        **{"ショップ用メモ欄": person.wish if person.number == 3 else "", "会員ステータス(ID)": status[1]},
        **{"会員ステータス(名称)": status[0], "登録日": _stamp(person.registered_at)},
        **{"更新日": "2025-05-20 10:00:00"},
    }


def _ec_cube_product(product: Product) -> Row:
    return {
        **{"商品ID": product.number, "公開ステータス(ID)": 1, "公開ステータス(名称)": "公開", "商品名": product.name},
        **{"商品説明(詳細)": "<p>説明\n二行目</p>", "商品規格ID": product.number + 10, "販売種別(ID)": 1},
        **{"販売種別(名称)": "販売種別A", "商品コード": product.code, "在庫数無制限フラグ": 1},
        **{"通常価格": f"{product.price_jpy + 500}.00", "販売価格": f"{product.price_jpy}.00"},
        **{"商品画像": "a.jpg,b.jpg", "商品カテゴリ(ID)": "1,5", "商品カテゴリ(名称)": "健康食品,新入荷"},
    }


# --- ecforce ----------------------------------------------------------------------------------------------------

ECFORCE_HEADERS = _list(
    "受注ID,受注番号,顧客番号,購入URL,購入オファー,定期受注番号,メールアドレス,小計,支払い合計,受注日,"
    "購入商品（商品コード）,"
    "広告URLグループ名,広告主名,顧客購入回数,定期ステータス,定期回数"
)
_GIVE_AWAYS = ((), ("aisatsu_1", "guide-1"), ("guide-1",))


def ecforce() -> CartExport:
    """One row per order: products and give-aways as a list, 小計 of the order, 支払い合計 sometimes 0."""
    rows, truth, bought = list[Row](), dict[str, TrueOrder](), dict[int, int]()
    for order in HISTORY:
        order_id, customer = f"{0xA000000000 + order.number * 7919:010x}", f"{0xB000000000 + order.person.number:010x}"
        codes = [product.code for product, _ in order.lines] + list(_GIVE_AWAYS[order.number % 3])
        group = ("LP_A_検索", "LP_B_動画", "")[order.number % 3]
        row: dict[str, object] = {
            **{
                "受注ID": 900 + order.number,
                "受注番号": order_id,
                "顧客番号": customer,
                "購入URL": "https://shop.example.jp/lp",
            },
            **{"購入オファー": "初回半額オファー" if order.cycle_no else "都度", "定期受注番号": order.contract},
            **{"メールアドレス": order.person.email, "小計": f"{order.ordered_jpy:,}"},
            **{"支払い合計": 0 if order.number % 10 == 0 else order.total_jpy},
            **{"受注日": f"{order.ordered_at:%Y/%m/%d %H:%M}", "購入商品（商品コード）": ",".join(codes)},
            **{"広告URLグループ名": group, "広告主名": "見本広告" if group else ""},
            **{"顧客購入回数": bought.get(order.person.number, 0), "定期ステータス": "有効" if order.cycle_no else ""},
            **{"定期回数": order.cycle_no or ""},
        }
        rows.append(row)
        bought[order.person.number] = bought.get(order.person.number, 0) + 1
        truth[order_id] = order.truth(customer, undone=False)
    return CartExport("ecforce", [_file("受注一覧_20250701.csv", ECFORCE_HEADERS, rows, "cp932", "\r\n")], truth)


# --- 楽天 RMS ----------------------------------------------------------------------------------------------------

RAKUTEN_HEADERS = _list(
    "注文番号,ステータス,サブステータスID,サブステータス,注文日時,注文日,注文時間,キャンセル期限日,注文確認日時,"
    "注文確定日時,発送指示日時,"
    "発送完了報告日時,支払方法名,クレジットカード支払い方法,クレジットカード支払い回数,配送方法,配送区分,注文種別,"
    "複数送付先フラグ,送付先一致フラグ,"
    "離島フラグ,楽天確認中フラグ,警告表示タイプ,楽天会員フラグ,購入履歴修正有無フラグ,商品合計金額,消費税合計,"
    "送料合計,代引料合計,請求金額,合計金額,"
    "ポイント利用額,クーポン利用総額,店舗発行クーポン利用額,楽天発行クーポン利用額,注文者郵便番号1,注文者郵便番号2,"
    "注文者住所都道府県,"
    "注文者住所郡市区,注文者住所それ以降の住所,注文者姓,注文者名,注文者姓カナ,注文者名カナ,注文者電話番号1,"
    "注文者電話番号2,注文者電話番号3,"
    "注文者メールアドレス,注文者性別,申込番号,申込お届け回数,送付先ID,送付先送料,送付先代引料,送付先消費税合計,"
    "送付先商品合計金額,送付先合計金額,のし,"
    "送付先郵便番号1,送付先郵便番号2,送付先住所都道府県,送付先住所郡市区,送付先住所それ以降の住所,送付先姓,送付先名,"
    "送付先姓カナ,送付先名カナ,"
    "送付先電話番号1,送付先電話番号2,送付先電話番号3,商品明細ID,商品ID,商品名,商品番号,商品管理番号,単価,個数,"
    "送料込別,税込別,代引手数料込別,"
    "ポイント倍率,納期情報,在庫タイプ,ラッピングタイトル1,ラッピング名1,ラッピング料金1,ラッピング税込別1,"
    "ラッピング種類1,ラッピングタイトル2,"
    "ラッピング名2,ラッピング料金2,ラッピング税込別2,ラッピング種類2,お届け時間帯,お届け日指定,担当者,ひとことメモ,"
    "メール差込文 (お客様へのメッセージ),"
    "ギフト配送希望,利用端末,メールキャリアコード,あす楽希望フラグ,医薬品受注フラグ,楽天スーパーDEAL商品受注フラグ,"
    "メンバーシッププログラム受注タイプ"
)
_RAKUTEN_STATES = {
    "open": (100, 200, 300, 400),
    "shipped": (500, 600, 700),
    "cancelled": (900, 800),
    "returned": (900,),
}


def rakuten_rms() -> CartExport:
    """One row per item, the order's amounts repeated on each; no customer number; 定期 by 申込番号."""
    rows, truth, item = list[Row](), dict[str, TrueOrder](), 10_000
    for order in HISTORY:
        order_id = f"312345-{order.ordered_at:%Y%m%d}-{order.number:010d}"
        states = _RAKUTEN_STATES[order.state]
        head = _rakuten_head(order, order_id, states[order.number % len(states)])
        for product, quantity in order.lines:
            item += 1
            rows.append({**head, **_rakuten_item(item, product, quantity)})
        truth[order_id] = order.truth(order.person.email)
    return CartExport("rakuten-rms", [_file("20250701-rms-data.csv", RAKUTEN_HEADERS, rows, "cp932", "\r\n")], truth)


def _rakuten_head(order: Order, order_id: str, state: int) -> dict[str, object]:
    person, at = order.person, order.ordered_at
    rakuten_coupon = 100 if order.number % 4 == 0 else 0  # paid by the mall, so the shop's amount stays
    given = f" {person.given}　" if order.number % 6 == 0 else person.given  # the same person, typed with blanks
    last = person.phone[2] if order.number % 5 else "".join(chr(ord(digit) + 0xFEE0) for digit in person.phone[2])
    return {
        **{
            "注文番号": order_id,
            "ステータス": state,
            "注文日時": _stamp(at),
            "注文日": at.date(),
            "注文時間": f"{at:%H:%M:%S}",
        },
        **{"注文確定日時": _stamp(at), "発送完了報告日時": _stamp(order.shipped_at), "支払方法名": "クレジットカード"},
        **{"注文種別": (4 if order.number % 2 else 5) if order.cycle_no else (6 if order.number % 9 == 0 else 1)},
        **{"送付先一致フラグ": 1, "楽天会員フラグ": 1, "商品合計金額": order.goods_jpy, "送料合計": order.shipping_jpy},
        **{
            "請求金額": order.total_jpy - order.points - rakuten_coupon,
            "合計金額": order.goods_jpy + order.shipping_jpy,
        },
        **{"ポイント利用額": order.points, "クーポン利用総額": order.discount_jpy + rakuten_coupon},
        **{"店舗発行クーポン利用額": order.discount_jpy, "楽天発行クーポン利用額": rakuten_coupon},
        **_rakuten_person(person, "注文者"),
        **_rakuten_person(person, "送付先"),
        **{"注文者名": given, "注文者電話番号3": last},
        **{"注文者メールアドレス": person.email, "注文者性別": ("男", "女")[person.number % 2]},
        **{"申込番号": order.contract, "申込お届け回数": order.cycle_no or "", "送付先ID": order.number},
        **{"のし": f"{person.family}" if order.number % 12 == 0 else ""},
        **{"ひとことメモ": person.wish if order.number % 10 == 3 else "", "利用端末": 1, "あす楽希望フラグ": 0},
        **{
            "メール差込文 (お客様へのメッセージ)": f"{person.family} {person.given}様" if order.number % 10 == 4 else ""
        },
    }


def _rakuten_person(person: Person, prefix: str) -> dict[str, object]:
    phone, postal = person.phone, person.postal_code
    return {
        **{
            f"{prefix}郵便番号1": postal[0],
            f"{prefix}郵便番号2": postal[1],
            f"{prefix}住所都道府県": person.prefecture,
        },
        **{f"{prefix}住所郡市区": person.town, f"{prefix}住所それ以降の住所": person.street},
        **{f"{prefix}姓": person.family, f"{prefix}名": person.given},
        **{f"{prefix}姓カナ": person.family_kana, f"{prefix}名カナ": person.given_kana},
        **{f"{prefix}電話番号{part}": text for part, text in enumerate(phone, 1)},
    }


def _rakuten_item(item: int, product: Product, quantity: int) -> dict[str, object]:
    return {
        **{"商品明細ID": item, "商品ID": 10_000_000 + product.number, "商品名": product.name, "商品番号": product.code},
        **{
            "商品管理番号": product.code.lower(),
            "単価": product.price_jpy,
            "個数": quantity,
            "送料込別": 0,
            "税込別": 1,
        },
        **{"ポイント倍率": 1, "在庫タイプ": 1},
    }


# --- Shopify ----------------------------------------------------------------------------------------------------

SHOPIFY_HEADERS = _list(
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,"
    "Shipping,Taxes,"
    "Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
    "Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,"
    "Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,Billing City,Billing Zip,"
    "Billing Province,"
    "Billing Country,Billing Phone,Shipping Name,Shipping Street,Shipping Address1,Shipping Address2,"
    "Shipping Company,"
    "Shipping City,Shipping Zip,Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,Cancelled at,"
    "Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,Location,Device ID,Id,Tags,"
    "Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,Tax 2 Name,Tax 2 Value,Tax 3 Name,Tax 3 Value,"
    "Tax 4 Name,Tax 4 Value,Tax 5 Name,Tax 5 Value"
)
_SHOPIFY_STATES = {
    "open": ("paid", "unfulfilled"),
    "shipped": ("paid", "fulfilled"),
    "cancelled": ("voided", "unfulfilled"),
    "returned": ("refunded", "fulfilled"),
}


def shopify(encoding: str = "utf-8", line_end: str = "\n") -> CartExport:
    """orders_export.csv: the order's values on its first line only, further lines with Name, Email and Lineitem*.

    cp932 with CRLF is what the Japan Order CSV app writes.
    """
    rows, truth = list[Row](), dict[str, TrueOrder]()
    for order in HISTORY:
        email = order.person.email.title() if order.number % 4 == 3 else order.person.email  # the same address
        for position, (product, quantity) in enumerate(order.lines):
            line = {"Name": f"#{1000 + order.number}", "Email": email, **_shopify_line(product, quantity)}
            rows.append({**_shopify_head(order), **line} if position == 0 else line)
        truth[f"#{1000 + order.number}"] = TrueOrder(
            order.person.email, order.ordered_jpy, order.truth("").sales_jpy, "one_off"
        )
    return CartExport("shopify", [_file("orders_export_1.csv", SHOPIFY_HEADERS, rows, encoding, line_end)], truth)


def _shopify_line(product: Product, quantity: int) -> dict[str, object]:
    return {
        **{"Lineitem quantity": quantity, "Lineitem name": product.name, "Lineitem price": product.price_jpy},
        **{"Lineitem sku": product.code if product.number != 5 else "", "Lineitem requires shipping": "true"},
        **{"Lineitem taxable": "true", "Lineitem fulfillment status": "fulfilled", "Vendor": "見本商店"},
        "Lineitem discount": 0,
    }


def _shopify_head(order: Order) -> dict[str, object]:
    person, at = order.person, order.ordered_at
    financial, fulfilled = _SHOPIFY_STATES[order.state]
    if order.state == "cancelled" and order.number % 4 == 0:
        financial = "paid"  # cancelled, and the money not given back yet
    cancelled = f"{_stamp(at + dt.timedelta(days=1))} +0900" if order.state == "cancelled" else ""
    return {
        **{"Financial Status": financial, "Paid at": f"{_stamp(at)} +0900", "Fulfillment Status": fulfilled},
        **{"Fulfilled at": f"{_stamp(order.shipped_at)} +0900" if order.shipped_at else "", "Accepts Marketing": "yes"},
        **{"Currency": "JPY", "Subtotal": order.ordered_jpy, "Shipping": order.shipping_jpy, "Taxes": 0},
        **{"Total": order.total_jpy, "Discount Code": "NATSU" if order.discount_jpy else ""},
        **{"Discount Amount": order.discount_jpy, "Created at": f"{_stamp(at)} +0900", "Shipping Method": "宅配便"},
        **_shopify_person(person, "Billing"),
        **_shopify_person(person, "Shipping"),
        **{"Notes": person.wish if order.number % 5 == 0 else "", "Cancelled at": cancelled},
        **{"Note Attributes": f"宛名: {person.family}" if order.number % 9 == 0 else ""},
        **{"Payment Method": "Shopify Payments", "Payment Reference": f"c{7000 + order.number}.1"},
        **{"Refunded Amount": order.total_jpy if order.state == "returned" else 0, "Outstanding Balance": 0},
        **{"Id": 5_100_000_000_000 + order.number, "Risk Level": "Low", "Source": "web", "Tax 1 Name": "CT 10%"},
        "Tax 1 Value": 0,
    }


def _shopify_person(person: Person, prefix: str) -> dict[str, object]:
    return {
        **{f"{prefix} Name": f"{person.family} {person.given}", f"{prefix} Street": f"{person.town}{person.street}"},
        **{f"{prefix} Address1": person.town, f"{prefix} Address2": person.street, f"{prefix} City": "架空市"},
        **{f"{prefix} Company": f"{person.family}商店" if person.number % 5 == 0 else "", f"{prefix} Country": "JP"},
        **{f"{prefix} Zip": "-".join(person.postal_code), f"{prefix} Province": person.prefecture},
        f"{prefix} Phone": "-".join(person.phone),
    }


CARTS: dict[str, Callable[[], CartExport]] = {
    "ec-cube-4": ec_cube_4,
    "ecforce": ecforce,
    "rakuten-rms": rakuten_rms,
    "shopify": shopify,
}
