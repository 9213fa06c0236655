"""An invented diagnosis with every kind of exhibit and hostile names, and the wording that belongs to it."""

from __future__ import annotations

import math
from typing import Any

from crm_platform.diagnosis.finding import Action, Diagnosis, Exhibit, Finding, Measured, Row, Trend, Verdict
from crm_platform.periods import Month, months_between
from crm_platform.reports.wording import Wording

HOSTILE_NAMES = (
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    '#eval("1+1") *b* $x$ @ref',
    "返品\u202eecilA",
    "青汁👍お試し",
    "𠮷野の髙級ﾊﾟｯｸ",
    "</text></svg><image href='secret.png'/>",
    "長い名前" * 75,
    "W" * 300,
)
MONTHS = [str(month) for month in months_between(Month(2020, 7), Month(2025, 6))]
CPM_KEYS = [f"@cpm.{stage}_active" for stage in ("premium", "trend", "steady", "toddler", "first")] + [
    "@cpm.first_lapsed"
]


def _wave(n: int, level: float, swing: float, slope: float = 0.0) -> float:
    return level + swing * math.sin(n * 2 * math.pi / 12) + slope * n


def _line() -> Exhibit:
    rows = tuple({"month": month, "sales": round(_wave(n, 90e6, 12e6, 0.4e6))} for n, month in enumerate(MONTHS))
    return Exhibit("sales", "line", rows, x="month", y="sales", x_unit="month", y_unit="jpy")


def _lines() -> Exhibit:
    rows: list[Row] = [
        {"cycle": cycle, "rate": 0.9**cycle * level, "course": course}
        for course, level in (("青汁30日", 0.8), ("青汁90日", 0.82), ("サプリ", 0.5))
        for cycle in range(1, 13)
    ]
    return Exhibit(
        "lines",
        "line",
        tuple(rows),
        x="cycle",
        y="rate",
        x_unit="count",
        y_unit="rate",
        series="course",
        highlight="サプリ",
    )


def _bar(count: int = 6) -> Exhibit:
    rows = tuple({"order": n, "hazard": 0.62 / n**0.5} for n in range(1, count + 1))
    return Exhibit("hazard", "bar", rows, x="order", y="hazard", x_unit="count", y_unit="rate", highlight="1")


def _names_bar() -> Exhibit:
    rows = tuple({"product": name, "sales": 9_000_000 - 800_000 * n} for n, name in enumerate(HOSTILE_NAMES))
    return Exhibit("names", "bar", rows, x="product", y="sales", y_unit="jpy")


def _grouped() -> Exhibit:
    rows = tuple(
        {"class": f"@value_class.{n}", "kind": kind, "jpy": 60_000 / n * factor}
        for n in range(1, 11)
        for kind, factor in (("@values_expected", 1.0), ("@values_actual", 0.93))
    )
    return Exhibit("grouped", "bar", rows, x="class", y="jpy", y_unit="jpy", series="kind")


def _stacked_bar() -> Exhibit:
    rows = tuple(
        {"half": f"{year}H{half}", "kind": kind, "jpy": (300 + 20 * year % 7 + 30 * half) * 1_000_000 * share}
        for year in range(2021, 2026)
        for half in (1, 2)
        for kind, share in (("@values_existing", 0.7), ("@values_new", 0.3))
    )
    return Exhibit("stack", "stacked_bar", rows, x="half", y="jpy", y_unit="jpy", series="kind")


def _stacked_area() -> Exhibit:
    rows = tuple(
        {"month": month, "class": key, "customers": round(_wave(n, 1500 + 300 * place, 60, 8 * place))}
        for n, month in enumerate(MONTHS)
        for place, key in enumerate(CPM_KEYS)
    )
    return Exhibit("area", "stacked_area", rows, x="month", y="customers", x_unit="month", series="class")


def _heatmap() -> Exhibit:
    rows = tuple(
        {
            "since": since,
            "cohort": f"{2020 + half // 2}年{'上下'[half % 2]}期",
            "rate": 1.0 if since == 0 else 0.42 / since**0.4,
        }
        for half in range(10)
        for since in range(0, 30 - 3 * half, 3)
    )
    return Exhibit("cohorts", "heatmap", rows, x="since", y="rate", x_unit="count", y_unit="rate", series="cohort")


def _scatter() -> Exhibit:
    rows = tuple(
        {"cpo": 4000 + 900 * n, "ltv": 9000 + (n * 37) % 11 * 900, "medium": name}
        for n, name in enumerate(["テレビ", "新聞", "ウェブ検索", "SNS広告", HOSTILE_NAMES[1], "折込チラシ"])
    )
    return Exhibit(
        "media", "scatter", rows, x="cpo", y="ltv", x_unit="jpy", y_unit="jpy", series="medium", highlight="SNS広告"
    )


def _waterfall() -> Exhibit:
    steps = {"前年売上": 1_284, "新規獲得": 162, "購入頻度": 74, "客単価": -38, "休眠": -121, "離反": -96, "復帰": 41}
    rows: list[Row] = [{"step": name, "jpy": value * 1_000_000} for name, value in steps.items()]
    total = {"step": "当年売上", "jpy": sum(steps.values()) * 1_000_000}
    return Exhibit("bridge", "waterfall", (*rows, total), x="step", y="jpy", y_unit="jpy")


def _lorenz() -> Exhibit:
    rows = tuple({"customers": n / 20, "sales": 1 - (1 - n / 20) ** 3.2} for n in range(21))
    return Exhibit("lorenz", "lorenz", rows, x="customers", y="sales", x_unit="rate", y_unit="rate")


def _curves() -> Exhibit:
    rows = tuple(
        {"customers": n / 20, "sales": 1 - (1 - n / 20) ** power, "by": name}
        for name, power in (("<本診断>", 4.1), ("RFM", 2.6))
        for n in range(21)
    )
    return Exhibit("curves", "lorenz", rows, x="customers", y="sales", x_unit="rate", y_unit="rate", series="by")


def _calibration() -> Exhibit:
    rows = tuple({"said": 90_000 / n**2, "came": 80_000 / n**1.9, "tenth": str(n)} for n in range(1, 11))
    return Exhibit("calibration", "calibration", rows, x="said", y="came", x_unit="jpy", y_unit="jpy", series="tenth")


def _table(rows_count: int = 10) -> Exhibit:
    rows = tuple(
        {"class": f"@value_class.{n}", "customers": 2000 + n, "share": 0.1, "ltv": 186_400 // n, "cycle": 20.5 * n}
        for n in range(1, rows_count + 1)
    )
    columns = (("class", "text"), ("customers", "count"), ("share", "rate"), ("ltv", "jpy"), ("cycle", "days"))
    return Exhibit("classes", "table", rows, columns=columns)  # type: ignore[arg-type]


def _names_table() -> Exhibit:
    rows = tuple({"name": name, "month": "2025-06", "sales": 1_234_567} for name in HOSTILE_NAMES)
    return Exhibit("name_table", "table", rows, columns=(("name", "text"), ("month", "month"), ("sales", "jpy")))


_PLAN: tuple[tuple[str, str, Verdict, tuple[Exhibit, ...], int | None], ...] = (
    ("retention", "current_state", "healthy", (_lines(),), None),
    ("concentration", "current_state", "healthy", (_lorenz(), _curves(), _calibration()), None),
    ("classes", "current_state", "issue", (_grouped(), _table()), 41_000_000),
    ("portfolio", "existing_customers", "issue", (_stacked_area(),), 66_000_000),
    ("f2", "new_customers", "issue", (_bar(), _heatmap()), 120_000_000),
    ("media", "new_customers", "undetermined", (_scatter(),), None),
    ("lapse", "existing_customers", "issue", (_bar(12),), 23_000_000),
    ("bridge", "integrated", "healthy", (_waterfall(),), None),
    ("balance", "integrated", "healthy", (_stacked_bar(),), None),
    ("trend", "integrated", "healthy", (_line(),), None),
    ("products", "products", "issue", (_names_bar(), _names_table()), 9_000_000),
)


TREND = Trend(
    unit="rate",
    points=(("2021-06", 0.43), ("2023-06", 0.42), ("2025-06", 0.4)),
    level=0.4,
    slope_per_year=-0.0075,
    slope_low=-0.012,
    slope_high=-0.003,
    direction="falling",
)


def diagnosis() -> Diagnosis:
    """Eleven findings in six chapters, with every kind of exhibit."""
    findings = tuple(
        Finding(
            f"invented_{key}",
            chapter,
            verdict,
            {"rate": 0.4, "sales": 1_284_000_000, "name": HOSTILE_NAMES[4]},
            exhibits,
            threshold=0.5,
            yen_effect_jpy=effect,
            concerned_customers=1234 if effect else None,
            measured=Measured(0.4, "rate", 0.38, 0.42, 0.5, 0.03),
            trend=TREND,
            action=Action(HOSTILE_NAMES[4], 617, "@action_channel.post_phone", effect // 10) if effect else None,
            sources=("customer_months", "forecasts"),
        )
        for key, chapter, verdict, exhibits, effect in _PLAN
    )
    headline = {
        "sales_12m_jpy": 1_306_000_000,
        "sales_12m_change_rate": 0.017,
        "active_customers": 29_144,
        "active_customers_change_rate": -0.023,
        "f2_rate": 0.418,
        "expected_sales_6m_jpy": 690_000_000,
    }
    return Diagnosis("株式会社 <サンプル> 商店", "2025-06", "2025-06-30", "2020-07", headline, findings, {})


def of_one_finding(exhibits: tuple[Exhibit, ...] = ()) -> Diagnosis:
    """A client of whom little is known."""
    finding = Finding(
        "invented_media", "new_customers", "undetermined", {"rate": None, "sales": None, "name": None}, exhibits
    )
    return Diagnosis("単品商店", "2025-06", "2025-06-30", "2025-06", {"sales_12m_jpy": 0}, (finding,), {})


def _texts(japanese: bool) -> dict[str, Any]:
    texts: dict[str, Any] = {
        "values_expected": "期待" if japanese else "Expected",
        "values_actual": "実績" if japanese else "Actual",
        "values_existing": "既存" if japanese else "Existing",
        "values_new": "新規" if japanese else "New",
    }
    for key, _, _, exhibits, _ in _PLAN:
        title = (
            f"{{name:text}}の{key}は{{rate:rate}}にとどまり、12ヶ月の売上{{sales:yen}}の伸びを打ち消しています"
            if japanese
            else f"The {key} of {{name:text}} stays at {{rate:rate}} and cancels the growth of {{sales:yen}}"
        )
        body = (
            "最優良顧客は全体の4%にすぎません。年間売上{sales:yen}の約3割を生み出し、直近12か月の人数は前年より増えたものの、"
            "増加の大半は昇格によるもので、新規からの育成は細っています。初回購入後30日以内の働きかけを優先してください。"
            if japanese
            else "The best customers are only 4% of all. They make a third of the yearly sales of {sales:yen}; most "
            "of it comes from the next class, not from new customers. Speak to new customers within 30 days."
        )
        verdicts = ("healthy", "issue", "undetermined")
        texts[f"invented_{key}"] = {
            "name": key,
            "question": f"{key}は十分か" if japanese else f"Is {key} sufficient?",
            "measure": f"{key}の割合" if japanese else f"Share of {key}",
            "threshold": "{threshold:rate} 以上" if japanese else "{threshold:rate} or more",
            "title": dict.fromkeys(verdicts, title),
            "comment": dict.fromkeys(verdicts, body),
            "action": {
                "issue": "初回購入後30日以内に電話で使い方を案内します。" if japanese else "Call within 30 days."
            },
            "exhibits": {
                exhibit.key: {
                    "title": "初月で6割が離れますが、その後の減少は緩やかです"
                    if japanese
                    else "Six in ten leave in the first month",
                    "x": "横の項目" if japanese else "across",
                    "y": "縦の値" if japanese else "value",
                    "note": "出所：購買データ（2020年7月〜2025年6月）"
                    if japanese
                    else "Source: purchases, July 2020 to June 2025",
                    "columns": {column: column for row in exhibit.rows for column in row},
                }
                for exhibit in exhibits
            },
        }
    return texts


def wording(language: str) -> Wording:
    """The platform's wording with the invented findings' texts."""
    return Wording.of(language).with_texts(_texts(language == "ja"))
