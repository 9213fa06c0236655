"""A campaign is begun once and holds for good, and nobody is in two at a time (R84, R92)."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from crm_platform.alerts import Campaign
from crm_platform.clients import Client, Settings
from crm_platform.lake import MadeFrom, digest_of
from crm_platform.orchestration.assets.alerts import groups_in_short
from crm_platform.orchestration.assets.alerts import lapse_alerts as alerts_asset
from crm_platform.orchestration.assets.alerts import test_groups as groups_asset
from crm_platform.orchestration.assets.diagnosis import risk_of_upper
from crm_platform.orchestration.campaign_books import (
    alerts_in_force,
    as_alerted,
    campaign_groups,
    campaigns_of,
    groups_in_force,
    holds_frozen_alerts,
    holds_frozen_groups,
    kept_since_campaign,
    start_campaign,
)
from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.orchestration.client_month_asset import Shown, _make
from crm_platform.orchestration.on_demand import alerts_on_demand, groups_on_demand
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.recipe import everything
from crm_platform.periods import Month
from crm_platform.refusals import Refused
from crm_platform.tables.alerts import LAPSE_ALERTS
from crm_platform.tables.analyses import BUYER_KINDS, FORECASTS, SEGMENTS
from crm_platform.tables.facts import CUSTOMER_DAYS

FIRST, LAST = Month(2024, 1), dt.date(2025, 12, 31)
JUNE = Month(2024, 6)


class House:
    """A client's lake with sixty customers, of whom most are alerted each month, others every time."""

    def __init__(self, folder: Path, chosen: Settings | None = None) -> None:
        self.data = ClientData(Platform(data_folder=str(folder)), Client("acme", "Acme", settings=chosen or Settings()))
        self.data.__dict__.update(data_from=FIRST.first_day, data_to=LAST)  # what its deliveries would say
        self.times = 0

    def alert(self, month: Month, rows: int = 40) -> ClientMonth:
        """The month with its alerts, other ones than before."""
        self.times += 1
        draw, at = np.random.default_rng(self.times), self.data.at(month)
        customers = np.sort(draw.choice([f"C{number:02d}" for number in range(60)], rows, replace=False))
        zeros = {column.name: 0.0 for column in LAPSE_ALERTS.columns if column.name != "customer_id"}
        sales = draw.integers(5_000, 90_000, rows)
        alerts = pd.DataFrame({"customer_id": customers, **zeros, "sales_6m_jpy": sales, "gap_days": 30})
        alerts = alerts.assign(lapse_risk=draw.random(rows), expected_loss_jpy=sales * 0.4, reason="falling_level")
        segments = pd.DataFrame({"customer_id": customers, "value_class": 1 + sales % 3, "is_new_in_term": False})
        segments = segments.assign(
            expected_sales_jpy=0.0, buyer_kind=BUYER_KINDS[0], valid_from=at.as_of, valid_to=at.as_of
        )
        rows = {LAPSE_ALERTS: alerts.assign(falls_on=None), SEGMENTS: segments}
        for table, frame in rows.items():
            self.data.lake.write(self.data.client.id, table, month, table.from_pandas(frame), MadeFrom())
        return at

    def refresh(self, at: ClientMonth) -> int:
        """The asset's run; how many months it made."""

        def compute(months: list[ClientMonth]) -> Mapping[ClientMonth, pa.Table]:
            return {one: groups_in_force(one) for one in months}

        return sum(one.written is not None for one in _make(groups_asset.recipe, [[at]], compute, Shown()))

    def groups(self, at: ClientMonth) -> dict[str, str]:
        rows = at.arrow("test_groups")
        return dict(zip(rows["customer_id"].to_pylist(), rows["test_group"].to_pylist(), strict=True))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def june(house: House) -> ClientMonth:
    at = house.alert(JUNE)
    house.refresh(at)
    return at


def test_a_campaign_freezes_the_groups_that_were_published_for_one_term(house: House, june: ClientMonth) -> None:
    before = house.groups(june)
    campaign = start_campaign(june, dt.date(2024, 7, 10))
    assert (campaign.id, campaign.started_on, campaign.ends_on) == (
        "alert-2024-06",
        dt.date(2024, 7, 10),
        dt.date(2025, 1, 9),
    )
    assert (campaign.treated, campaign.control, campaign.by_channel) == (20, 20, {"dm": 20})
    assert [campaign.is_open(dt.date(*day)) for day in ((2024, 7, 9), (2024, 7, 10), (2025, 1, 9), (2025, 1, 10))] == [
        False,
        True,
        True,
        False,
    ]
    assert Campaign.from_json(campaign.to_json()) == campaign
    house.alert(JUNE)
    assert house.refresh(june) == 0
    assert house.groups(june) == before
    assert campaign_groups(june).equals(june.arrow("test_groups"))
    assert groups_in_short(june, june.arrow("test_groups"))["began_on"] == "2024-07-10"


def found_anew(house: House, june: ClientMonth) -> pa.Table:
    """What an alert of the month would find now, without storing it: other customers."""
    stored = june.arrow("lapse_alerts")
    found = house.alert(JUNE).arrow("lapse_alerts")
    house.data.lake.write("acme", LAPSE_ALERTS, JUNE, stored, MadeFrom())
    return found


def alerted_anew(at: ClientMonth, found: pa.Table) -> int:
    """A run of the asset that would find these; how many months it made."""

    def compute(months: list[ClientMonth]) -> Mapping[ClientMonth, pa.Table]:
        return {one: alerts_in_force(one, lambda: found) for one in months}

    return sum(one.written is not None for one in _make(alerts_asset.recipe, [[at]], compute, Shown()))


def test_the_list_of_a_begun_campaign_keeps_matching_its_groups_whatever_the_settings_say_now(
    house: House, june: ClientMonth
) -> None:
    listed, found = june.arrow("lapse_alerts"), found_anew(house, june)
    start_campaign(june, dt.date(2024, 7, 1))
    changed = replace(house.data.client, settings=Settings(alert_targets=5))
    later = ClientData(house.data.platform, changed)
    later.__dict__.update(data_from=FIRST.first_day, data_to=LAST)
    assert [alerted_anew(at, found) for at in (june, later.at(JUNE))] == [0, 0]
    assert june.arrow("lapse_alerts").equals(listed)
    told = kept_since_campaign(later.at(JUNE))
    assert told and "alert-2024-06" in told and "2024-07-01" in told
    july = house.alert(Month(2024, 7))
    assert alerted_anew(july, found) == 1
    assert july.arrow("lapse_alerts").equals(found)
    assert kept_since_campaign(july) is None


def test_a_report_goes_by_the_settings_that_chose_the_list_of_a_begun_campaign_and_else_by_those_of_now(
    tmp_path: Path,
) -> None:
    house = House(tmp_path, Settings(alert_top_share=0.4, alert_targets=40))
    june, july = house.alert(JUNE), house.alert(Month(2024, 7))
    for at in (june, july):
        made_from = MadeFrom(settings=digest_of(everything(house.data.client)))
        house.data.lake.write("acme", LAPSE_ALERTS, at.month, at.arrow("lapse_alerts"), made_from)
        house.refresh(at)
    start_campaign(june, dt.date(2024, 7, 1))
    changed = replace(house.data.client, settings=Settings(alert_top_share=0.1, alert_unit_cost_jpy=999))
    told = [as_alerted(at, changed).settings for at in (june, july)]
    assert [(one.alert_top_share, one.alert_targets) for one in told] == [(0.4, 40), (0.1, None)]
    assert [one.alert_unit_cost_jpy for one in told] == [999, 999]


def test_the_upper_customers_of_a_report_are_those_among_whom_the_list_of_a_begun_campaign_was_chosen(
    tmp_path: Path,
) -> None:
    house = House(tmp_path, Settings(alert_top_share=0.5))
    june = house.alert(JUNE)
    made_from = MadeFrom(settings=digest_of(everything(house.data.client)))
    house.data.lake.write("acme", LAPSE_ALERTS, JUNE, june.arrow("lapse_alerts"), made_from)
    house.refresh(june)
    customers = [f"C{number:02d}" for number in range(60)]
    for month in june.history_months:
        day = month.first_day
        bought = dict.fromkeys(("ordered_jpy", "standing_sales_jpy"), 1000) | {"order_kind": "one_off"}
        rows = pd.DataFrame({"customer_id": customers, "month": day, "day": day, "product_id": "P", "media_id": None})
        rows = rows.assign(**bought).assign(standing_sales_jpy=range(1_000, 1_060))
        others = {column.name: 0 for column in CUSTOMER_DAYS.columns if column.name not in rows}
        house.data.lake.write(
            "acme", CUSTOMER_DAYS, month, CUSTOMER_DAYS.from_pandas(rows.assign(**others)), MadeFrom()
        )
    forecasts = pd.DataFrame({"customer_id": customers}).assign(
        **{column.name: 0.5 for column in FORECASTS.columns if column.name != "customer_id"}
    )
    house.data.lake.write("acme", FORECASTS, JUNE, FORECASTS.from_pandas(forecasts), MadeFrom())
    later = ClientData(house.data.platform, replace(house.data.client, settings=Settings(alert_top_share=0.1)))
    later.__dict__.update(data_from=FIRST.first_day, data_to=LAST)
    assert [len(risk_of_upper(data.at(JUNE), 183)) for data in (house.data, later)] == [30, 6]
    start_campaign(june, dt.date(2024, 7, 1))
    assert [len(risk_of_upper(data.at(JUNE), 183)) for data in (house.data, later)] == [30, 30]


def test_settings_that_did_not_choose_the_list_of_a_campaign_are_not_told_as_if_they_had(
    house: House, june: ClientMonth
) -> None:
    start_campaign(june, dt.date(2024, 7, 1))  # of a list made by other settings than those of now
    changed = replace(house.data.client, settings=Settings(alert_top_share=0.1))
    assert as_alerted(june, changed) == changed


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"damaged")])
def test_a_lost_list_of_a_begun_campaign_comes_back_whole_also_where_its_test_took_a_part_of_it(
    tmp_path: Path, damage
) -> None:
    house = House(tmp_path, Settings(alert_treated=10, alert_control=10))
    june = house.alert(JUNE)
    house.refresh(june)
    found = found_anew(house, june)
    start_campaign(june, dt.date(2024, 7, 1))
    (file,) = (house.data.lake.root / "acme" / "lapse_alerts").glob("2024-06.*.parquet")
    content = file.read_bytes()
    damage(file)
    assert not holds_frozen_alerts(june)
    assert alerted_anew(june, found) == 1
    assert june.arrow("lapse_alerts").num_rows == 40
    assert file.read_bytes() == content


def test_an_alert_on_demand_of_the_months_own_day_is_the_frozen_one_and_any_other_is_found(
    house: House, june: ClientMonth
) -> None:
    listed, found = june.arrow("lapse_alerts"), found_anew(house, june)
    start_campaign(june, dt.date(2024, 7, 1))
    settings = june.client.settings
    asked = [(june.as_of, settings), (june.as_of, replace(settings, alert_targets=3)), (dt.date(2024, 6, 9), settings)]
    told = [alerts_on_demand(june, as_of, chosen, lambda: found) for as_of, chosen in asked]
    assert [one.equals(listed) for one in told] == [True, False, False]
    assert [one.equals(found) for one in told] == [False, True, True]


def test_an_alert_on_demand_deals_nobody_otherwise_than_the_month_and_its_campaign(
    house: House, june: ClientMonth
) -> None:
    alerts, settings = june.arrow("lapse_alerts"), june.client.settings
    other_book = june.frame("segments").assign(value_class=1)
    asked = (june, june.as_of, alerts)
    assert groups_on_demand(*asked, settings, other_book).equals(june.arrow("test_groups"))
    start_campaign(june, dt.date(2024, 7, 1))
    changed = house.alert(JUNE).arrow("lapse_alerts")
    frozen = campaign_groups(june)
    assert groups_on_demand(june, june.as_of, changed, settings, june.frame("segments")).equals(frozen)
    fewer = groups_on_demand(june, june.as_of, changed, replace(settings, alert_targets=30), june.frame("segments"))
    assert fewer.num_rows
    assert not set(fewer["customer_id"].to_pylist()) & set(frozen["customer_id"].to_pylist())


def test_without_a_campaign_the_groups_follow_the_alerts(house: House, june: ClientMonth) -> None:
    before = house.groups(june)
    assert house.refresh(june) == 0
    house.alert(JUNE)
    assert house.refresh(june) == 1
    assert house.groups(june) != before


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"damaged")])
def test_lost_groups_of_a_begun_campaign_come_back_byte_for_byte(house: House, june: ClientMonth, damage) -> None:
    campaign = start_campaign(june, dt.date(2024, 7, 1))
    house.alert(JUNE)
    (file,) = (house.data.lake.root / "acme" / "test_groups").glob("*.parquet")
    content = file.read_bytes()
    damage(file)
    assert not holds_frozen_groups(june)
    assert house.refresh(june) == 1
    assert file.read_bytes() == content
    assert campaigns_of(house.data) == [campaign]


def test_while_a_campaign_is_open_other_months_leave_its_customers_out_and_look_stale(house: House) -> None:
    june, august, january = (house.alert(month) for month in (JUNE, Month(2024, 8), Month(2025, 1)))
    for at in (june, august, january):
        house.refresh(at)
    assert set(house.groups(june)) & set(house.groups(august))
    start_campaign(june, dt.date(2024, 7, 10))
    assert [house.refresh(at) for at in (august, january)] == [1, 0]  # it ends on the ninth of January
    assert not set(house.groups(june)) & set(house.groups(august))
    assert set(house.groups(june)) & set(house.groups(january))
    assert groups_in_short(august, august.arrow("test_groups"))["in_other_campaigns"] > 0


def test_groups_dealt_before_another_campaign_began_are_refused_until_they_are_dealt_again(house: House) -> None:
    june, august = house.alert(JUNE), house.alert(Month(2024, 8))
    for at in (june, august):
        house.refresh(at)
    start_campaign(august, dt.date(2024, 9, 1))
    with pytest.raises(Refused, match=r"customers of these groups are in the campaign alert-2024-08.*--month 2024-06"):
        start_campaign(june, dt.date(2024, 10, 1))
    house.refresh(june)
    start_campaign(june, dt.date(2024, 10, 1))
    assert len(campaigns_of(house.data)) == 2


def test_whatever_is_begun_in_whatever_order_nobody_is_in_two_open_campaigns(house: House) -> None:
    draw, kept = np.random.default_rng(4), dict[Month, Campaign]()
    for _ in range(14):
        at = house.data.at(FIRST.plus(int(draw.integers(0, 8))))
        if draw.random() < 0.5 or not house.data.lake.provenance("acme", "test_groups", at.month):
            house.alert(at.month, 25)
            house.refresh(at)
        with contextlib.suppress(Refused):
            start_campaign(at, at.as_of + dt.timedelta(days=int(draw.integers(1, 150))))
        begun = {one.month: one for one in campaigns_of(house.data)}
        assert kept.items() <= begun.items()
        kept = begun
    assert len(kept) >= 4
    who = {month: set(campaign_groups(house.data.at(month))["customer_id"].to_pylist()) for month in kept}
    for one, other in combinations(kept.values(), 2):
        if one.overlaps(other.started_on, other.ends_on):
            assert not who[one.month] & who[other.month]


def test_what_cannot_be_begun_is_refused_and_nothing_is_written(house: House, june: ClientMonth) -> None:
    with pytest.raises(Refused, match=r"no test groups for 2024-07.*refresh --client acme --month 2024-07"):
        start_campaign(house.data.at(Month(2024, 7)), dt.date(2024, 8, 1))
    for day in (dt.date(2024, 5, 1), dt.date(2024, 6, 30), dt.date(2025, 1, 1)):
        with pytest.raises(Refused, match=r"as of 2024-06-30.*from 2024-07-01 to 2024-12-31"):
            start_campaign(june, day)
    empty = house.alert(Month(2024, 3), rows=0)
    house.refresh(empty)
    with pytest.raises(Refused, match="nobody is in the test groups"):
        start_campaign(empty, dt.date(2024, 4, 1))
    with pytest.raises(Refused, match="no campaign of 'acme' was begun"):
        campaign_groups(june)
    assert campaigns_of(house.data) == []
    start_campaign(june, dt.date(2024, 12, 31))
    with pytest.raises(Refused, match="alert-2024-06 of 'acme' began on 2024-12-31 and runs to 2025-06-29"):
        start_campaign(june, dt.date(2024, 7, 1))


def test_a_damaged_campaign_is_refused_by_name_and_never_begun_anew(house: House, june: ClientMonth) -> None:
    start_campaign(june, dt.date(2024, 7, 1))
    (file,) = (house.data.lake.root / "acme" / "campaign_groups").glob("*.parquet")
    file.write_bytes(b"damaged")
    for ask in (
        lambda: campaigns_of(house.data),
        lambda: start_campaign(june, dt.date(2024, 7, 2)),
        lambda: house.refresh(june),
    ):
        with pytest.raises(Refused, match=r"campaign_groups/2024-06.*missing or damaged"):
            ask()


def test_set_sizes_wait_for_an_open_campaign_to_end_and_are_refused_where_the_alerted_never_suffice(
    tmp_path: Path,
) -> None:
    house = House(tmp_path, Settings(alert_treated=15, alert_control=15))
    june, july = house.alert(JUNE), house.alert(Month(2024, 7))
    house.refresh(june)
    start_campaign(june, dt.date(2024, 7, 1))
    house.refresh(july)
    assert july.arrow("test_groups").num_rows == 0
    with pytest.raises(Refused, match=r"15 \+ 15 customers, but only 10 are alerted \(10 more"):
        house.refresh(house.alert(Month(2024, 3), rows=20))
