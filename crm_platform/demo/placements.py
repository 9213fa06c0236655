"""Where the customers come from: the placements of each year and the two media that always run (媒体)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm_platform.demo.calendar import Calendar
from crm_platform.demo.draws import stream
from crm_platform.demo.house import SEASON
from crm_platform.periods import Month, months_between


@dataclass(frozen=True)
class Medium:
    """One row of the media master, with what only its maker knows: pull, quality, entry shares.

    `quality` multiplies the chance to buy again and divides the hazard to stop; `weight` is the pull on new customers;
    `cpo_jpy` the planned cost of one new customer. Days count from the demo's first day.
    """

    media_id: str
    name: str
    channel: str
    first_day: int
    last_day: int
    weight: float
    quality: float
    trial_share: float
    subscription_share: float
    cpo_jpy: int


@dataclass(frozen=True)
class _Plan:
    month: int
    channel: str
    name: str
    days: int
    weight: float
    quality: float
    trial_share: float
    subscription_share: float
    cpo_jpy: int


WORST_CHANNEL = "アフィリエイト"  # the planted medium with bad customers
_YEARLY_PLANS = (
    _Plan(1, "TV", "BS①新春特番", 21, 1.2, 1.10, 0.60, 0.15, 9800),
    _Plan(3, "WEB", "ﾘｽﾃｨﾝｸﾞ広告 春", 60, 1.3, 1.00, 0.50, 0.25, 7200),
    _Plan(3, "新聞", "地方紙～くらし面～春", 14, 0.9, 1.30, 0.62, 0.10, 11800),
    _Plan(4, "折込チラシ", "折込チラシ 髙松エリア", 10, 0.7, 1.05, 0.60, 0.10, 8400),
    _Plan(5, "TV", "午後の通販①番", 30, 1.1, 1.05, 0.60, 0.15, 9400),
    _Plan(6, WORST_CHANNEL, "アフィリエイト㈱", 75, 1.2, 0.30, 0.60, 0.15, 6400),
    _Plan(9, "新聞", "全国紙～健康面～秋", 14, 1.1, 1.25, 0.62, 0.10, 12600),
    _Plan(10, "WEB", "SNS広告 秋", 60, 1.3, 0.75, 0.45, 0.34, 6900),
    _Plan(11, "折込チラシ", "折込チラシ 全国版", 14, 0.8, 1.00, 0.58, 0.12, 8800),
    _Plan(12, "TV", "年末感謝祭", 20, 1.6, 1.00, 0.58, 0.15, 10200),
)
STANDING_SHARE = 0.30  # of all new customers come without a placement
CRM_MEDIA = (("M-900", "会報誌～ゆとり～"), ("M-901", "メールマガジン"), ("M-902", "休眠掘り起こしDM"))


def standing_media(calendar: Calendar) -> list[Medium]:
    """The media without cost that bring customers on every day."""
    day = calendar.last_day
    return [
        Medium("M-001", "自然検索", "WEB", 0, day, 0.75, 1.15, 0.40, 0.20, 0),
        Medium("M-002", "お友達紹介", "紹介", 0, day, 0.25, 1.40, 0.35, 0.20, 0),
    ]


def placements(calendar: Calendar, seed: int) -> list[Medium]:
    """Every paid placement that begins inside the demo's months, in order of its first day."""
    rng = stream(seed, "placements")
    found: list[Medium] = []
    for elapsed, month in enumerate(months_between(calendar.first_month, calendar.last_month)):
        for plan in (plan for plan in _YEARLY_PLANS if plan.month == month.number):
            start, pull, price = int(rng.integers(0, 10)), rng.uniform(0.8, 1.25), rng.uniform(0.85, 1.2)
            found.append(_placed(plan, month, elapsed, calendar.day_of(month) + start, pull, price, len(found)))
    return found


def _placed(plan: _Plan, month: Month, elapsed: int, first_day: int, pull: float, price: float, count: int) -> Medium:
    growth = 1 + 0.08 * elapsed / 12
    return Medium(
        media_id=f"M-{101 + count}" if count < 800 else f"M-{1001 + count}",
        name=f"{plan.name} {month.year}",
        channel=plan.channel,
        first_day=first_day,
        last_day=first_day + plan.days - 1,
        weight=plan.weight * pull * growth * float(SEASON[month.number - 1]),
        quality=plan.quality,
        trial_share=plan.trial_share,
        subscription_share=plan.subscription_share,
        cpo_jpy=int(np.round(plan.cpo_jpy * price * (1 + 0.04 * elapsed / 12))),
    )
