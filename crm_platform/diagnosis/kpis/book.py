"""The book of KPIs as a page: `python -m crm_platform.diagnosis.kpis.book > docs/kpis.md`."""

from __future__ import annotations

from collections.abc import Iterable

from crm_platform.diagnosis.kpis.declaration import Kpi
from crm_platform.diagnosis.kpis.kpis_of_months import BUYERS, CONTACTED, SUBSCRIBERS
from crm_platform.diagnosis.kpis.kpis_of_newcomers import ACQUISITION, NEWCOMERS

_HEAD = """# KPIs

Generated from `crm_platform/diagnosis/kpis` by `python -m crm_platform.diagnosis.kpis.book`; a test holds
the two together. One written formula per KPI (R114). The keys are those of `[kpi_targets]` and `[[measures]]` in a
client's file. Amounts are whole yen, tax excluded; sales are 売上, credits deducted. A customer is new who is
registered since the first month of data. "Judged over" says which months the value of the report is made of; targets
and measures are also held against each month by itself. KPIs of cost need the days of a placement (`started_on`):
its cost is spread evenly over its run, and a medium without an end ran one day. The medium that brought a customer
is that of the first purchase's main line, else 初回媒体 of the customer master: a first order that was cancelled
brings nobody.
"""
_FAMILIES: tuple[tuple[str, tuple[Kpi, ...]], ...] = (
    ("Acquisition", ACQUISITION),
    ("New customers", NEWCOMERS),
    ("Subscribers", SUBSCRIBERS),
    ("Buyers of a month", BUYERS),
    ("Contacts", CONTACTED),
)
# Term, what A says, what B says, who says so (CPM.md section 5).
_CONFLICTS = (
    ("CPO", "cost ÷ new buyers", "cost ÷ new subscribers", "tsuhan-marketing.com; motenasu.info"),
    ("ROAS", "sales of the first month", "sales of the first twelve months", "the field names no period"),
    ("残存率", "n-th ÷ previous: 100, 60, 30 is 50 %", "n-th ÷ first: 100, 60, 30 is 30 %", "tsuhaninfo.com; LTV-Lab"),
    (
        "定期継続率",
        "mean ÷ most orders",
        "two or more ÷ new: 2,000, 1,500 is 75 %",
        "raku2repeat.com; marketing.f-i-d.jp",
    ),
    ("引き上げ率", "to a subscription", "from a trial to the product itself", "seed 002:163-169"),
    ("解約率", "stops told ÷ contracts", "orders that ceased ÷ subscribers", "contracts or customers"),
    ("LTV", "twelve months", "six months", "年間LTV; 6ヶ月LTV of seed 000"),
    ("ARPU", "per active customer", "per buyer of the month (ARPPU)", "user is either"),
)
_NOTES = """## Terms that are near one another

- F2転換率 counts 180 days from the first purchase, リピート率 twelve calendar months with that of the first purchase
  as the first. 1,000 new customers of whom 400 buy again and 250 a third time: リピート率 40 %, 残存率 B 25 %.
- リピート率 is of new customers, リピーター率 of a month's buyers. The latter has no better direction: it also rises
  where no new customer comes.
- 継続率 means n-th ÷ first with some and n-th ÷ previous with others, the reverse of 残存率; the two readings are
  those of 残存率.
- 客単価 is sales ÷ purchases; read as sales ÷ buyers it is ARPU B.
- CPR, CPA and CPO differ by whom they count: registered, ordered (even if cancelled since), bought.
- 定期継続率 A divides by the most that one customer reached, so one customer can move it; it is told, and not
  judged.
- 解約率 A needs the events of subscriptions from the start of the contracts on: one that never appears is not
  counted.
- レスポンス率 and 休眠掘り起こし率 count purchases up to 30 days after a contact, its own day included. Without
  customers left alone they are responses and no effects.
"""


def kpi_page() -> str:
    """Every KPI with its formula, and the terms that the field uses two ways, as Markdown."""
    conflicts = _table(("term", "reading A", "reading B", "where"), _CONFLICTS)
    parts = [_HEAD, *(_section(name, kpis) for name, kpis in _FAMILIES)]
    return "\n".join([*parts, f"## Names with two readings\n\n{conflicts}\n", _NOTES])


def _section(name: str, kpis: tuple[Kpi, ...]) -> str:
    headers = ("key", "name", "unit", "formula", "period", "judged over", "known after", "better", "tables")
    return f"## {name}\n\n{_table(headers, [_cells(kpi) for kpi in kpis])}\n"


def _cells(kpi: Kpi) -> tuple[str, ...]:
    known = f"{kpi.lag_months} months" if kpi.lag_months else f"{kpi.lag_days} days" if kpi.lag_days else "at once"
    judged = f"{kpi.window_months} months" if kpi.window_months > 1 else "1 month"
    tables = ", ".join(kpi.sources)
    name = kpi.name_ja if kpi.name_ja == kpi.name_en else f"{kpi.name_ja} / {kpi.name_en}"
    return (f"`{kpi.key}`", name, kpi.unit, kpi.formula, kpi.period, judged, known, kpi.better, tables)


def _table(headers: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [headers, ("---",) * len(headers), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    print(kpi_page(), end="")
