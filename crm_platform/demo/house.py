"""The made-up house: what it sells, in which courses, and how its customers behave (単品リピート通販).

Every number that is planted stands here, so that the truth can be read before it is drawn. Names hold characters that
only cp932 knows well (髙 ① ㈱ ～ and half-width kana), because real masters do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Product:
    """A product of the master (商品); prices in yen, tax excluded."""

    product_id: str
    name: str
    category: str
    brand: str
    list_price_jpy: int
    cost_jpy: int
    supply_days: int | None
    is_trial: bool = False
    is_gift: bool = False


@dataclass(frozen=True)
class Course:
    """A subscription course (定期コース); `term_deliveries` above 1 is a term plan that binds (まとめて予約, R111)."""

    name: str
    cycle_days: int
    quantity: int
    term_deliveries: int
    discount_percent: int
    share: float


_GINSENG, _SKIN, _DAILY = "髙麗堂", "うるおい①番", "㈱まいにち～"

PRODUCTS = (
    Product("SP-001", "髙麗の恵み 30日分", "サプリメント", _GINSENG, 3980, 780, 30),
    Product("SP-002", "髙麗の恵み お試し7日分", "サプリメント", _GINSENG, 980, 260, 7, is_trial=True),
    Product("SP-003", "髙麗の恵み つめかえ用 60日分", "サプリメント", _GINSENG, 6980, 1480, 60),
    Product("SP-004", "ｺﾗｰｹﾞﾝ～潤い～ 30日分", "サプリメント", _GINSENG, 4280, 910, 30),
    Product("GJ-001", "①番摘み青汁 30包", "健康食品", _DAILY, 3480, 690, 30),
    Product("GJ-002", "①番摘み青汁 お試し5包", "健康食品", _DAILY, 500, 150, 5, is_trial=True),
    Product("GJ-003", "黒酢ﾄﾞﾘﾝｸ 720㏄", "健康食品", _DAILY, 2480, 620, 24),
    Product("SK-001", "しっとり化粧水 髙保湿 150mL", "スキンケア", _SKIN, 3200, 540, 45),
    Product("SK-002", "うるおいクリーム 30g", "スキンケア", _SKIN, 4600, 820, 60),
    Product("SK-003", "クレンジングバーム №3", "スキンケア", _SKIN, 2800, 480, 40),
    Product("SK-004", "美容液Ⅱ 30mL", "スキンケア", _SKIN, 5800, 990, 50),
    Product("SK-005", "スキンケア お試し4点セット", "スキンケア", _SKIN, 1480, 520, 10, is_trial=True),
    Product("HR-001", "椿ｼｬﾝﾌﾟｰ 300mL", "ヘアケア", _SKIN, 2400, 430, 45),
    Product("GF-001", "季節の贈りもの ㈱まいにち特選", "ギフト", _DAILY, 5400, 1900, None),
    Product("PR-001", "会員さま限定 巾着ポーチ", "販促品", _DAILY, 0, 180, None, is_gift=True),
    Product("PR-002", "サンプル 3包", "販促品", _DAILY, 0, 45, None, is_gift=True),
)
POSITION = {product.product_id: position for position, product in enumerate(PRODUCTS)}
PRICES_JPY = np.array([product.list_price_jpy for product in PRODUCTS], dtype=np.int64)

# The three families by which a customer comes: trial size, main product, share of the arrivals.
FAMILY_TRIAL = np.array([POSITION["SP-002"], POSITION["GJ-002"], POSITION["SK-005"]], dtype=np.int64)
FAMILY_MAIN = np.array([POSITION["SP-001"], POSITION["GJ-001"], POSITION["SK-001"]], dtype=np.int64)
FAMILY_SHARE = np.array([0.55, 0.20, 0.25])

# What a one-off order holds when it is not the family's main product.
ONE_OFF_SHARES = np.array([8, 0, 10, 8, 6, 0, 8, 8, 3, 7, 6, 0, 6, 3, 0, 0], dtype=np.float64)
# The planted rising and falling series (R61, R62): these shares go from the first day's to the last day's by the same
# factor every day, so that hair care rises and gifts fall while the house grows.
RISING_CATEGORY, FALLING_CATEGORY = "ヘアケア", "ギフト"
ONE_OFF_SHARE_ENDS = {POSITION["HR-001"]: (1.5, 30.0), POSITION["GF-001"]: (36.0, 0.3)}
GIFT_SEASON_MONTHS = (7, 12)  # お中元, お歳暮
PLANTED_PAIR = (POSITION["SK-001"], POSITION["SK-002"])  # bought together more often than any other pair (併売, R62)

COURSES = (
    Course("毎月コース", 30, 1, 1, 10, 0.62),
    Course("45日コース", 45, 1, 1, 10, 0.13),
    Course("60日コース", 60, 2, 1, 12, 0.12),
    Course("3ヶ月まとめコース", 30, 1, 3, 15, 0.09),
    Course("12ヶ月まとめコース", 30, 1, 12, 20, 0.04),
)
FIRST_DELIVERY_DISCOUNT_PERCENT = 50

# Stop hazard after delivery 1, 2, 3 …; after the customer's third order, whichever delivery that is, the planted lapse
# point (離脱ポイント, R123) takes its place.
STOP_HAZARD = np.array([0.22, 0.07, 0.07, 0.06, 0.055, 0.05, 0.045, 0.04, 0.035, 0.03, 0.025])
LAPSE_POINT_ORDER = 3
LAPSE_POINT_HAZARD = 0.38
TERM_STOP_HAZARD = 0.30  # at the end of a term plan; inside the term nobody stops
STOP_AFTER_SKIP_FACTOR = 1.8  # a skip foretells a stop (R33)
SKIP_RATE = 0.05
SWITCH_RATE = 0.03
RESUME_RATE = 0.08
STOP_REASONS = ("商品が余っている", "価格が高い", "効果を感じない", "体に合わない", "他社に乗り換え", "初回だけ")
STOP_REASON_SHARES_EARLY = np.array([0.10, 0.20, 0.15, 0.10, 0.05, 0.40])  # after delivery 1
STOP_REASON_SHARES_LATE = np.array([0.38, 0.22, 0.22, 0.08, 0.10, 0.00])

# Index of one-off demand by calendar month: December and spring high, August low (繁閑, R60).
SEASON = np.array([0.95, 0.95, 1.15, 1.12, 1.00, 0.95, 0.95, 0.72, 0.95, 1.00, 1.05, 1.35])

# The group whose repeat rate has fallen (停滞, R64): from this month on, men arrive with a lesser quality, and who of
# them has a contract stops by so many times the hazard.
DECLINED_SEX = "男"
DECLINED_FROM_MONTHS = 48  # after the first month
DECLINED_FACTOR = 0.35
DECLINED_STOP_FACTOR = 4.0

# The cohort whose retention breaks (R64): who arrives in this quarter is of lesser quality, whatever the medium.
BROKEN_COHORT_FROM_MONTHS, BROKEN_COHORT_MONTHS = 48, 3  # after the first month
BROKEN_COHORT_FACTOR = 0.35

CANCELLED_RATE = 0.03
RETURNED_RATE = 0.015

PREFECTURES: dict[str, int] = {  # with inhabitants in units of 100,000, as shares of the customers
    "北海道": 52, "青森県": 12, "岩手県": 12, "宮城県": 23, "秋田県": 9, "山形県": 10, "福島県": 18, "茨城県": 28,
    "栃木県": 19, "群馬県": 19, "埼玉県": 73, "千葉県": 63, "東京都": 140, "神奈川県": 92, "新潟県": 22, "富山県": 10,
    "石川県": 11, "福井県": 8, "山梨県": 8, "長野県": 20, "岐阜県": 19, "静岡県": 36, "愛知県": 75, "三重県": 18,
    "滋賀県": 14, "京都府": 25, "大阪府": 88, "兵庫県": 54, "奈良県": 13, "和歌山県": 9, "鳥取県": 5, "島根県": 7,
    "岡山県": 19, "広島県": 28, "山口県": 13, "徳島県": 7, "香川県": 9, "愛媛県": 13, "高知県": 7, "福岡県": 51,
    "佐賀県": 8, "長崎県": 13, "熊本県": 17, "大分県": 11, "宮崎県": 11, "鹿児島県": 16, "沖縄県": 15,
}  # fmt: skip
