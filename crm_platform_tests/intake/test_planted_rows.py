"""Bad rows of ten kinds among sound ones: each is caught with its line, its column and its rule, and none other."""

from pathlib import Path

from crm_platform.clients import Client
from crm_platform.demo import make_demo, write_delivery
from crm_platform.intake import examine_delivery, read_files
from crm_platform.intake.reading.delivered_files import DeliveredFile
from crm_platform_tests.benchmarks.planted_rows import RULES, Planted, plant
from crm_platform_tests.intake.deliveries import TODAY


def test_just_the_planted_rows_are_caught_with_line_column_and_rule(tmp_path: Path):
    files = {file.name: file for file in read_files(write_delivery(make_demo(customers=500), tmp_path))}
    sound = files["order_lines.tsv"].content.splitlines(keepends=True)[:3_001]
    spoilt, planted = plant(sound, count=101, seed=7)
    files["order_lines.tsv"] = DeliveredFile("order_lines.tsv", b"".join(spoilt))
    admitted = examine_delivery(
        Client("demo", "Demo"), list(files.values()), delivery_id="0001-000000000000", today=TODAY
    )
    caught = admitted.tables["quarantined_rows"].select(["row_number", "column", "rule"]).to_pylist()
    assert sorted(Planted(**row) for row in caught) == sorted(planted)
    assert {item.rule for item in planted} == set(RULES)
    assert len(RULES) == 10
    assert admitted.tables["order_lines"].num_rows == len(sound) - 1 - len(planted)
