"""The four stages of a project and their days: 4 × 14 = 56 (仕様確認, テスト集計と検収, 本番分析, 可能性検討; R38)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

STAGE_DAYS = 14


class Stage(StrEnum):
    """A stage, in the order of the project; each ends at a gate."""

    SPECIFICATION = "specification"  # 分析データの仕様確認: ends when the specification is signed
    TEST_TOTALS = "test_totals"  # テスト集計と検収: ends when the totals are accepted
    PRODUCTION = "production"  # 本番データの分析: ends when the deliverables are confirmed
    STUDY = "study"  # 都度販売の可能性検討: ends with the delivery (納品)


STAGES = tuple(Stage)


@dataclass(frozen=True)
class PlannedStage:
    """A stage with its first and its last day."""

    stage: Stage
    first_day: dt.date
    last_day: dt.date


def plan_from(started_on: dt.date) -> tuple[PlannedStage, ...]:
    """The four stages of a project that begins on `started_on`, one after another (000:199-204)."""
    firsts = [started_on + dt.timedelta(days=STAGE_DAYS * place) for place in range(len(STAGES))]
    last = dt.timedelta(days=STAGE_DAYS - 1)
    return tuple(PlannedStage(stage, first, first + last) for stage, first in zip(STAGES, firsts, strict=True))
