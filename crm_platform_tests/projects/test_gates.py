"""A project is four stages of fourteen days; a gate that is open blocks all behind it, and says why (R38, R39, R43)."""

from __future__ import annotations

import datetime as dt
import os
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from crm_platform.clients import ProjectSettings
from crm_platform.periods import Month
from crm_platform.projects import (
    FIRST_RUN,
    REPEAT_RUN,
    STAGES,
    DeliveryRecord,
    Ledger,
    Passage,
    Stage,
    changed_figures,
    changed_parts,
    gates_of,
    plan_from,
    read_ledger,
    record,
    refuse_before,
    remaining_steps,
)
from crm_platform.refusals import Refused

DAY, SIGNED, CHANGED = dt.date(2025, 4, 1), "a" * 64, "b" * 64


def passage(stage: Stage, specification: str = SIGNED) -> Passage:
    return Passage.of(stage, "CRM部長", DAY, specification, {"tables.media": "c" * 64})


def delivery(specification: str = SIGNED) -> DeliveryRecord:
    return DeliveryRecord.of(Month(2025, 3), DAY, ("分析担当",), (), specification, "d" * 64)


def passed(*stages: Stage) -> Ledger:
    return Ledger(tuple(map(passage, stages)))


def test_the_plan_is_four_stages_of_fourteen_days_without_a_gap_56_in_all() -> None:
    plan = plan_from(DAY)
    assert [one.stage for one in plan] == ["specification", "test_totals", "production", "study"]
    assert {(one.last_day - one.first_day).days + 1 for one in plan} == {14}
    assert {(later.first_day - earlier.last_day).days for earlier, later in pairwise(plan)} == {1}
    assert (plan[-1].last_day - plan[0].first_day).days + 1 == 56
    assert plan[-1].last_day == dt.date(2025, 5, 26)


@pytest.mark.parametrize("missing", range(3))
def test_an_open_gate_blocks_every_stage_behind_it_and_none_before(missing: int) -> None:
    gates = gates_of(passed(*(stage for stage in STAGES[:3] if stage != STAGES[missing])), SIGNED)
    for stage in STAGES[: missing + 1]:
        refuse_before(stage, gates, "acme")
    for stage in STAGES[missing + 1 :]:
        with pytest.raises(Refused, match=f"cannot enter the stage '{stage}'.*crm-platform gates") as refused:
            refuse_before(stage, gates, "acme")
        assert gates[missing].open_because in str(refused.value)
    assert not any(gate.is_passed for gate in gates[missing:])


def test_a_specification_that_changed_opens_all_gates_again_and_names_both_fingerprints() -> None:
    ledger = Ledger((*passed(*STAGES[:3]).entries, delivery()))
    assert all(gate.is_passed for gate in gates_of(ledger, SIGNED))
    changed = gates_of(ledger, CHANGED)
    assert not any(gate.is_passed for gate in changed)
    assert f"changed since 2025-04-01 (CRM部長): {SIGNED[:12]} then, {CHANGED[:12]} now" in changed[0].open_because
    signed_anew = Ledger((*ledger.entries, passage(Stage.SPECIFICATION, CHANGED)))
    assert [gate.is_passed for gate in gates_of(signed_anew, CHANGED)] == [True, False, False, False]


def test_a_repeat_run_uploads_analyses_and_delivers_and_has_fewer_steps_than_the_first() -> None:
    assert remaining_steps(gates_of(Ledger(), SIGNED)) == FIRST_RUN
    done = Ledger((*passed(*STAGES[:3]).entries, delivery()))
    assert remaining_steps(gates_of(done, SIGNED)) == REPEAT_RUN == ("deliver", "refresh", "gates record")
    assert len(REPEAT_RUN) < len(FIRST_RUN)
    half_way = remaining_steps(gates_of(passed(Stage.SPECIFICATION, Stage.TEST_TOTALS), SIGNED))
    assert half_way == ("onboard", "gates confirm", "refresh", "gates record")


def test_a_ledger_keeps_all_that_was_ever_recorded(tmp_path: Path) -> None:
    totals = ({"month": "2025-03", "figure": "orders", "ours": 5, "theirs": 6, "difference": -1},)
    accepted = Passage.of(Stage.TEST_TOTALS, "経理", DAY, SIGNED, {"totals": CHANGED}, totals, "2025-03")
    answered = DeliveryRecord.of(
        Month(2025, 3), dt.date(2025, 8, 31), ("分析担当", "CRM部長"), (("休眠の基準は", "240日です"),), SIGNED, CHANGED
    )
    for entry in (passage(Stage.SPECIFICATION), accepted, answered):
        record(tmp_path, "acme", entry)
    ledger = read_ledger(tmp_path, "acme")
    assert ledger == Ledger((passage(Stage.SPECIFICATION), accepted, answered))
    assert (ledger.latest(Stage.TEST_TOTALS), ledger.deliveries) == (accepted, (answered,))
    assert answered.repeat_until == dt.date(2026, 2, 28)
    assert read_ledger(tmp_path, "other") == Ledger()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of threads: the forked process uses none
def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_ledger(tmp_path: Path) -> None:
    one, lengths = passage(Stage.SPECIFICATION), []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            while True:
                record(tmp_path, "acme", one)
        time.sleep(0.04)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        ledger = read_ledger(tmp_path, "acme")
        assert all(entry == one for entry in ledger.entries)
        lengths.append(len(ledger.entries))
    assert lengths == sorted(lengths)
    assert lengths[-1] > 0
    assert len(record(tmp_path, "acme", one).entries) == lengths[-1] + 1


def written(folder: Path) -> tuple[Path, list[str]]:
    """A ledger of three entries and the line that counts them."""
    entries = (passage(Stage.SPECIFICATION), passage(Stage.TEST_TOTALS), delivery())
    for entry in entries:
        record(folder, "acme", entry)
    (path,) = folder.rglob("ledger.jsonl")
    return path, path.read_text("utf-8").splitlines(keepends=True)


def swapped(lines: list[str]) -> list[str]:
    return [lines[1], lines[0], *lines[2:]]


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (lambda lines: [lines[0], lines[1].replace("2025-04-01", "2025-03-31"), *lines[2:]], 2),
        (lambda lines: [lines[0].replace("CRM部長", "経理部長"), *lines[1:]], 1),
        (lambda lines: [*lines[:2], lines[2].replace("分析担当", "経理"), *lines[3:]], 3),
        (lambda lines: [lines[0], *lines[2:]], 2),
        (swapped, 1),
        (lambda lines: [lines[0], *lines], 2),
        (lambda lines: lines[:3], 4),
        (lambda lines: [*lines[:2], lines[3]], 3),
        (lambda lines: [*lines[:3], lines[3][:-20]], 4),
        (lambda _lines: [], 1),
        (lambda lines: ["[]\n", *lines[1:]], 1),
    ],
)
def test_a_line_that_was_changed_moved_or_lost_is_refused_by_its_number_and_not_written_over(
    tmp_path: Path, edit: Callable[[list[str]], list[str]], line: int
) -> None:
    path, lines = written(tmp_path)
    path.write_text("".join(edit(lines)), "utf-8")
    edited = path.read_bytes()
    for ask in (
        lambda: read_ledger(tmp_path, "acme"),
        lambda: record(tmp_path, "acme", passage(Stage.PRODUCTION)),
    ):
        with pytest.raises(Refused, match=r"not as it was written.*backup") as refused:
            ask()
        assert (refused.value.file, refused.value.row) == (str(path), line)
    assert path.read_bytes() == edited


def test_a_ledger_of_another_client_or_of_the_former_form_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    path, _lines = written(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(Refused, match="row 1: from this line on"):
        read_ledger(tmp_path, "other")
    (tmp_path / "acme" / "ledger.json").write_text('{"passages": [], "deliveries": []}')
    with pytest.raises(Refused, match=r"ledger\.json: .*former form.*crm-platform gates sign --client acme"):
        read_ledger(tmp_path, "acme")


def figure(month: str, ours: int, theirs: int, name: str = "sales_jpy") -> dict[str, Any]:
    return {"month": month, "figure": name, "ours": ours, "theirs": theirs, "difference": ours - theirs}


def test_accepted_figures_that_moved_beyond_tolerance_are_named_and_later_months_change_nothing() -> None:
    accepted = [figure("2025-02", 1000, 1000), figure("2025-03", 2000, 2000)]
    later = [*accepted, figure("2025-04", 5, 5), figure("2025-03", 7, 7, "orders")]
    assert changed_figures(accepted, later, 0.0) is None
    moved = [accepted[0], figure("2025-03", 2010, 2000)]
    assert changed_figures(accepted, moved, 0.0) == "sales_jpy of 2025-03 in the order lines (2,000 then, 2,010 now)"
    assert changed_figures(accepted, moved, 0.005) is None
    restated = [figure("2025-02", 1000, 990), accepted[1]]
    assert changed_figures(accepted, restated, 0.001) == "sales_jpy of 2025-02 by the client (1,000 then, 990 now)"
    assert "states no longer" in str(changed_figures(accepted, accepted[1:], 1.0))


def test_a_late_return_of_a_later_delivery_leaves_accepted_totals_accepted_but_other_figures_of_the_client_do_not() -> (
    None
):
    accepted = [figure("2025-02", 1000, 1000)]
    returned, restated = [figure("2025-02", 900, 1000)], [figure("2025-02", 900, 900)]
    assert changed_figures(accepted, returned, 0.0, delivered_since=True) is None
    assert changed_figures(accepted, returned, 0.0, delivered_since=False) is not None
    assert "by the client (1,000 then, 900 now)" in str(changed_figures(accepted, restated, 0.0, delivered_since=True))


def test_parts_that_came_went_or_differ_are_named_and_counted() -> None:
    seen = dict.fromkeys("abcde", "1")
    assert changed_parts(seen, dict(reversed(seen.items()))) is None
    assert changed_parts(seen, {**seen, "c": "2"}) == "c"
    assert changed_parts(seen, {"f": "1"}) == "a, b, c and 3 more"


@pytest.mark.parametrize("stage", STAGES[:3])
def test_a_gate_of_which_something_changed_is_open_again_with_all_behind_it_and_names_it(stage: Stage) -> None:
    ledger = Ledger((*passed(*STAGES[:3]).entries, delivery()))
    gates = gates_of(ledger, SIGNED, {stage: "sales_jpy of 2025-03"})
    assert [gate.is_passed for gate in gates] == [place < STAGES.index(stage) for place in range(4)]
    assert "since 2025-04-01 (CRM部長) there changed sales_jpy of 2025-03" in gates[STAGES.index(stage)].open_because


@pytest.mark.parametrize(
    "text",
    ["taro@example.jp", "090-1234-5678", "03-1234-5678", "ヤマダ タロウ", "山田様", "鈴木さん", "", "a\nb", "x" * 61],
)
def test_people_are_roles_what_looks_like_a_person_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Refused) as refused:
        Passage.of(Stage.SPECIFICATION, text, DAY, SIGNED, {})
    assert len(text) < 3 or text not in str(refused.value)


def test_questions_and_answers_hold_no_personal_data() -> None:
    for pair in (("誰に聞けばよいか", "03-1234-5678 へ"), ("taro@example.jp の件", "回答済み")):
        with pytest.raises(Refused, match="holds"):
            DeliveryRecord.of(Month(2025, 3), DAY, ("分析担当",), (pair,), SIGNED, SIGNED)


@pytest.mark.parametrize(
    ("said", "column"),
    [
        ({"gates": "yes"}, "project.gates"),
        ({"gates": True}, "project.started_on"),
        ({"gates": True, "started_on": "2025-04-01"}, "project.started_on"),
        ({"started": DAY}, "project"),
        ([], "project"),
    ],
)
def test_a_project_that_is_said_wrongly_is_refused_with_its_key(said: object, column: str) -> None:
    with pytest.raises(Refused) as refused:
        ProjectSettings.from_toml(said, "acme.toml")
    assert refused.value.column == column
