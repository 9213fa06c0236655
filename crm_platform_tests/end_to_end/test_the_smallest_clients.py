"""What real beginnings look like: one order; everything on one day; one customer who returned all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crm_platform_tests.end_to_end.installation import Installation

MASTERS = {
    "products.csv": "product_id,product_name\nP1,青汁\n",
    "customers.csv": "customer_id,registered_on\nC1,\nC2,2025-03-01\n",
}
HEADER = "order_id,line_no,customer_id,ordered_at,product_id,quantity,unit_price_jpy,status\n"
ORDERS = {
    "one order": "A,1,C1,2025-03-05,P1,1,3000,shipped\n",
    "all on one day": """A,1,C1,2025-03-05,P1,1,3000,shipped
B,1,C1,2025-03-05,P1,2,3000,shipped
C,1,C2,2025-03-05,P1,1,3000,shipped
""",
    "all returned": "A,1,C1,2025-03-05,P1,1,3000,returned\nB,1,C1,2025-04-05,P1,-1,3000,returned\n",
}


@pytest.mark.parametrize("case", ORDERS)
def test_the_smallest_client_gets_every_deliverable(case: str, tmp_path: Path) -> None:
    installation = Installation.at(tmp_path / "data")
    toml = '[tables.products]\nfile = "products.csv"\n[tables.customers]\nfile = "customers.csv"\n'
    toml += '[tables.media]\nabsent = true\n[tables.order_lines]\nfile = "order_lines.csv"\n'
    encoding = "cp932" if case == "all on one day" else "utf-8-sig"
    named = f'name = "小さな店"\ncsv_encoding = "{encoding}"\n{toml}'
    (installation.data / "clients" / "small.toml").write_text(named, "utf-8")
    files = {**MASTERS, "order_lines.csv": HEADER + ORDERS[case]}
    for name, content in files.items():
        (tmp_path / name).write_text(content, "utf-8")
    delivered = installation.run("deliver", "--client", "small", *(tmp_path / name for name in files))
    assert delivered.code == 0, delivered.err
    answer = installation.run("onboard", "--client", "small")
    assert answer.code == 0, answer.err
    month = max(path.name for path in (installation.data / "outbox" / "small").iterdir() if path.is_dir())
    deliverables = installation.outbox("small", month)
    assert len(deliverables) == 37
    left_out = json.loads(deliverables["manifest.json"])["left_out"]
    assert {path: why["reason"] for path, why in left_out.items()} == {"two_track/": "no_subscriptions"}
    assert "定期購入の注文" in left_out["two_track/"]["sentence"]
    lists = {path: content.decode(encoding) for path, content in deliverables.items() if path.endswith(".csv")}
    assert [line.split(",")[0] for line in lists["second_opinion/segments.csv"].splitlines()] == [
        "顧客番号",
        "C1",
        "C2",
    ]
    assert deliverables["second_opinion/diagnosis_report.pdf"].startswith(b"%PDF")
    fees = {one["service"]: (one["total_jpy"], one["is_provisional"]) for one in quotes_of(deliverables)}
    assert fees == {
        "two_track": (480_000, True),  # of a year that the data do not hold
        "second_opinion": (278_000, True),
        "shopping_alert": (478_000, False),  # a mapping of its own
    }


def quotes_of(deliverables: dict[str, bytes]) -> Any:
    return json.loads(deliverables["quote.json"])["quotes"]
