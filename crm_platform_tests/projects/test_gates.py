"""A project is four stages of fourteen days; a gate that is open blocks all behind it, and says why (R38, R39, R43)."""

from __future__ import annotations

import datetime as dt
import os
import signal
import time
from itertools import pairwise
from pathlib import Path

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
    gates_of,
    plan_from,
    read_ledger,
    record_delivery,
    record_passage,
    refuse_before,
    remaining_steps,
)
from crm_platform.refusals import Refused

DAY, SIGNED, CHANGED = dt.date(2025, 4, 1), "a" * 64, "b" * 64


def passage(stage: Stage, specification: str = SIGNED) -> Passage:
    return Passage.of(stage, "CRM部長", DAY, specification, "c" * 64)


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
    ledger = Ledger(passed(*STAGES[:3]).passages, (delivery(),))
    assert all(gate.is_passed for gate in gates_of(ledger, SIGNED))
    changed = gates_of(ledger, CHANGED)
    assert not any(gate.is_passed for gate in changed)
    assert f"changed since 2025-04-01 (CRM部長): {SIGNED[:12]} then, {CHANGED[:12]} now" in changed[0].open_because
    signed_anew = Ledger((*ledger.passages, passage(Stage.SPECIFICATION, CHANGED)), ledger.deliveries)
    assert [gate.is_passed for gate in gates_of(signed_anew, CHANGED)] == [True, False, False, False]


def test_a_repeat_run_uploads_analyses_and_delivers_and_has_fewer_steps_than_the_first() -> None:
    assert remaining_steps(gates_of(Ledger(), SIGNED)) == FIRST_RUN
    done = Ledger(passed(*STAGES[:3]).passages, (delivery(),))
    assert remaining_steps(gates_of(done, SIGNED)) == REPEAT_RUN == ("deliver", "refresh", "gates record")
    assert len(REPEAT_RUN) < len(FIRST_RUN)
    half_way = remaining_steps(gates_of(passed(Stage.SPECIFICATION, Stage.TEST_TOTALS), SIGNED))
    assert half_way == ("onboard", "gates confirm", "refresh", "gates record")


def test_a_ledger_keeps_all_that_was_ever_recorded(tmp_path: Path) -> None:
    totals = ({"month": "2025-03", "figure": "orders", "ours": 5, "theirs": 6, "difference": -1},)
    accepted = Passage.of(Stage.TEST_TOTALS, "経理", DAY, SIGNED, CHANGED, totals)
    answered = DeliveryRecord.of(
        Month(2025, 3), dt.date(2025, 8, 31), ("分析担当", "CRM部長"), (("休眠の基準は", "240日です"),), SIGNED, CHANGED
    )
    record_passage(tmp_path, "acme", passage(Stage.SPECIFICATION))
    record_passage(tmp_path, "acme", accepted)
    record_delivery(tmp_path, "acme", answered)
    assert read_ledger(tmp_path, "acme") == Ledger((passage(Stage.SPECIFICATION), accepted), (answered,))
    assert answered.repeat_until == dt.date(2026, 2, 28)
    assert read_ledger(tmp_path, "other") == Ledger()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of threads: the forked process uses none
def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_ledger(tmp_path: Path) -> None:
    one, lengths = passage(Stage.SPECIFICATION), []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            while True:
                record_passage(tmp_path, "acme", one)
        time.sleep(0.04)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        ledger = read_ledger(tmp_path, "acme")
        assert set(ledger.passages) <= {one}
        lengths.append(len(ledger.passages))
    assert lengths == sorted(lengths)
    assert lengths[-1] > 0
    assert len(record_passage(tmp_path, "acme", one).passages) == lengths[-1] + 1


def test_a_damaged_ledger_is_refused_by_name_and_not_written_over(tmp_path: Path) -> None:
    record_passage(tmp_path, "acme", passage(Stage.SPECIFICATION))
    (path,) = tmp_path.rglob("ledger.json")
    path.write_bytes(path.read_bytes()[:-40])
    cut = path.read_bytes()
    with pytest.raises(Refused, match=r"ledger\.json.*damaged.*backup"):
        record_passage(tmp_path, "acme", passage(Stage.TEST_TOTALS))
    assert path.read_bytes() == cut


@pytest.mark.parametrize(
    "text",
    ["taro@example.jp", "090-1234-5678", "03-1234-5678", "ヤマダ タロウ", "山田様", "鈴木さん", "", "a\nb", "x" * 61],
)
def test_people_are_roles_what_looks_like_a_person_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Refused) as refused:
        Passage.of(Stage.SPECIFICATION, text, DAY, SIGNED, SIGNED)
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
