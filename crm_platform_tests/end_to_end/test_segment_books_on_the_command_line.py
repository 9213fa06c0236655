"""A book of segments is reissued by command only, and everything that reads it follows."""

from __future__ import annotations

import json

from crm_platform_tests.end_to_end.installation import Installation

MONTH = "2022-06"


def test_a_reissue_changes_what_reads_the_book_and_keeps_the_former_one(
    onboarded: Installation, customers: list[str]
) -> None:
    before = onboarded.outbox("demo", MONTH)
    former = json.loads(before["manifest.json"])["segment_book"]
    said = onboarded.run("segments", "list", "--client", "demo").out
    assert f"{len(customers)} customers: in force" in said
    assert former["sha256"] in said

    client = onboarded.data / "clients" / "demo.toml"
    client.write_text(client.read_text("utf-8") + "value_classes = 4\n", "utf-8")
    reissued = onboarded.run("segments", "reissue", "--client", "demo", "--reason", "four classes [agreed]")
    assert reissued.code == 0, reissued.err
    now = json.loads(onboarded.outbox("demo", MONTH)["manifest.json"])["segment_book"]
    assert (now["classes"], now["reason"], now["former_sha256"]) == (4, "four classes [agreed]", former["sha256"])
    segments = {row["セグメント"] for row in onboarded.rows("demo", MONTH, "second_opinion/segments.csv")}
    assert segments == {"S1 VIP客", "S2 VIP候補", "S3 一般客", "S4 休眠客"}
    assert now["sha256"][:16].encode() in onboarded.outbox("demo", MONTH)["second_opinion/diagnosis_report.html"]

    listed = onboarded.run("segments", "list", "--client", "demo").out
    assert f"superseded by {MONTH}, issue 2" in listed
    assert f"instead of {MONTH} ({former['sha256']}): four classes [agreed]" in listed
    again = onboarded.run("refresh", "--client", "demo")
    assert "everything is current" in again.out


def test_a_reissue_without_reason_or_book_is_refused_and_changes_nothing(onboarded: Installation) -> None:
    before = onboarded.everything()
    for arguments, problem in (
        (("--reason", " "), "needs a reason"),
        (("--reason", "090-1234-5678"), "holds a mobile telephone number"),
        (("--reason", "x", "--month", "2020-12"), "no book of 'demo' is in force at 2020-12"),
    ):
        answer = onboarded.run("segments", "reissue", "--client", "demo", *arguments)
        assert answer.code == 1
        assert problem in answer.err
    assert onboarded.run("segments", "reissue", "--client", "demo").code == 2
    assert onboarded.run("segments", "reissue", "--client", "demo", "--reason", "x", "--month", "soon").code == 2
    assert onboarded.everything() == before
