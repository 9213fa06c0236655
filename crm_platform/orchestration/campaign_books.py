"""The campaigns of a client: begun by command, their groups frozen in the lake for good (`campaign_groups`, R84, R92).

A month's TEST_GROUPS is a proposal until its campaign begins; from then on it holds, whatever changes. While a campaign
is open its customers are in no other one.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from crm_platform.alerts import Campaign, campaign_id_of, campaign_of, design_test, end_of, last_start
from crm_platform.clients import Client
from crm_platform.lake import MadeFrom, Provenance, digest_of
from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.orchestration.code_digest import code_digest
from crm_platform.orchestration.recipe import everything
from crm_platform.periods import Month
from crm_platform.refusals import Refused
from crm_platform.tables.alerts import CAMPAIGN_ALERTS, CAMPAIGN_GROUPS, LAPSE_ALERTS, TEST_GROUPS

_CHOOSING = ("alert_top_share", "alert_targets")  # settings: among whom an alert is raised, and for how many


def campaigns_of(data: ClientData) -> list[Campaign]:
    """Every campaign that was begun, by month; Refused where the frozen groups of one are damaged or lost."""
    _refuse_lost(data)
    return [_described(data, month) for month in data.lake.months(data.client.id, CAMPAIGN_GROUPS.name)]


def campaign_at(at: ClientMonth) -> Campaign | None:
    """The campaign of this month's test groups; None where it was not begun."""
    _refuse_lost(at.data)
    begun = at.data.lake.provenance(at.client.id, CAMPAIGN_GROUPS.name, at.month)
    return _described(at.data, at.month) if begun else None


def campaign_groups(at: ClientMonth) -> pa.Table:
    """The frozen CAMPAIGN_GROUPS of the month's campaign; Refused where there is none."""
    if campaign_at(at) is None:
        raise Refused(
            f"no campaign of '{at.client.id}' was begun with the test groups of {at.month}.",
            f"Begin it: crm-platform campaigns start --client {at.client.id} --month {at.month} --on YYYY-MM-DD",
        )
    return at.data.lake.read(at.client.id, CAMPAIGN_GROUPS, at.month)


def campaign_alerts(at: ClientMonth) -> pa.Table:
    """What the month's alert said when its campaign began, of the campaign's customers at least (CAMPAIGN_ALERTS)."""
    return at.data.lake.read(at.client.id, CAMPAIGN_ALERTS, at.month)


def alerts_in_force(at: ClientMonth, find: Callable[[], pa.Table]) -> pa.Table:
    """The month's LAPSE_ALERTS: those frozen by its campaign, whose list must match its groups, else what is found."""
    return find() if campaign_at(at) is None else campaign_alerts(at)


def holds_frozen_alerts(at: ClientMonth) -> bool:
    """Whether the month's campaign was begun, and its LAPSE_ALERTS are whole and say what was frozen."""
    lake, stored = at.data.lake, at.data.lake.provenance(at.client.id, LAPSE_ALERTS.name, at.month)
    if campaign_at(at) is None or stored is None:
        return False
    if not lake.is_current(at.client.id, LAPSE_ALERTS.name, at.month, stored.made_from):
        return False
    frozen, listed = campaign_alerts(at), at.arrow(LAPSE_ALERTS.name)
    of_frozen = pc.is_in(listed["customer_id"], value_set=frozen["customer_id"])
    return bool(listed.filter(of_frozen).equals(frozen))


def as_alerted(at: ClientMonth, client: Client) -> Client:
    """The client with the settings that chose the month's alert: where its campaign was begun, those of then.

    By others the report would tell of fewer upper customers than are alerted among them.
    """
    begun = at.data.lake.provenance(at.client.id, CAMPAIGN_GROUPS.name, at.month)
    chosen = json.loads(begun.remarks.get("chosen_by", "{}")) if begun else {}
    return replace(client, settings=replace(client.settings, **chosen))


def kept_since_campaign(at: ClientMonth) -> str | None:
    """What is told where the month's alert was frozen by its campaign and the client's settings changed since."""
    own, stored = campaign_at(at), at.data.lake.provenance(at.client.id, LAPSE_ALERTS.name, at.month)
    if own is None or stored is None or stored.made_from.settings == digest_of(everything(at.client)):
        return None
    return (
        f"the alert of {at.month} and its groups are those of {own.id}, which began on {own.started_on}: settings that "
        "changed since do not touch them"
    )


def groups_in_force(at: ClientMonth) -> pa.Table:
    """The month's TEST_GROUPS: those frozen by its campaign, else dealt among the alerted whom no open campaign has.

    Without a row where sizes are set that the alerted would fill, but open campaigns leave too few: no test this month.
    Refused where even all alerted are too few for the sizes.
    """
    if campaign_at(at) is not None:
        return campaign_groups(at)
    settings, alerts = at.client.settings, at.frame("lapse_alerts")
    taken = taken_by(at, rival_campaigns(at))
    free = int((~alerts["customer_id"].isin(taken)).sum())
    if free < (settings.alert_treated or 0) + (settings.alert_control or 0) <= len(alerts):
        return TEST_GROUPS.empty()
    return design_test(
        alerts,
        at.frame("segments")[["customer_id", "value_class"]],
        campaign_id=campaign_id_of(at.month),
        seed=settings.alert_seed,
        treated=settings.alert_treated,
        control=settings.alert_control,
        channels=at.client.alert_channels,
        taken=taken,
    )


def rival_campaigns(at: ClientMonth) -> list[Campaign]:
    """The campaigns of other months that are open while one of this month could begin."""
    first, last = at.as_of + dt.timedelta(days=1), last_start(at.as_of)
    return [one for one in campaigns_of(at.data) if one.month != at.month and one.overlaps(first, last)]


def taken_by(at: ClientMonth, campaigns: list[Campaign]) -> set[str]:
    """The customers of these campaigns, treated and control."""
    groups = [at.data.lake.read(at.client.id, CAMPAIGN_GROUPS, one.month) for one in campaigns]
    return {customer for rows in groups for customer in rows["customer_id"].to_pylist()}


def campaign_digest(at: ClientMonth) -> dict[str, str]:
    """Digests of the month's own campaign and of its rivals: what decides who may be in the test."""
    own = campaign_at(at)
    rivals = [one.to_json() for one in rival_campaigns(at)]
    return {"campaign": digest_of(own and own.to_json()), "rival_campaigns": digest_of(rivals)}


def holds_frozen_groups(at: ClientMonth) -> bool:
    """Whether the month's campaign was begun, and its TEST_GROUPS are whole and those that were frozen."""
    own, lake = campaign_at(at), at.data.lake
    stored = lake.provenance(at.client.id, TEST_GROUPS.name, at.month)
    if own is None or stored is None or stored.sha256 != own.sha256:
        return False
    return lake.is_current(at.client.id, TEST_GROUPS.name, at.month, stored.made_from)


def start_campaign(at: ClientMonth, started_on: dt.date) -> Campaign:
    """Freeze the month's TEST_GROUPS, as published, in a campaign that begins on this day; the caller is `alone`.

    Refused where the month is not analysed, its campaign was begun before, the day is not in the term after the
    as-of date, nobody is in a group, or somebody is in another campaign that is open then.
    """
    _seal(at)
    groups, record = _proposed(at)
    as_of = dt.date.fromisoformat(record.made_from.inputs["as_of"])
    if not as_of < started_on <= last_start(as_of):
        raise Refused(
            f"a campaign with the test groups of {at.month} cannot begin on {started_on}: they are as of {as_of}.",
            f"Choose a day from {as_of + dt.timedelta(days=1)} to {last_start(as_of)}, or another month.",
        )
    _refuse_shared_customers(at, groups, started_on)
    made_from = MadeFrom(
        {TEST_GROUPS.name: record.sha256, "as_of": as_of.isoformat()}, code_digest("alerts"), digest_of(None)
    )
    term = {"started_on": started_on.isoformat(), "ends_on": end_of(started_on).isoformat()}
    alerts, found = at.data.lake.read_recorded(at.client.id, LAPSE_ALERTS, at.month)
    if found.made_from.settings == digest_of(everything(at.client)):  # else they are not what chose this alert
        term["chosen_by"] = json.dumps({name: getattr(at.client.settings, name) for name in _CHOOSING})
    # The groups last: a campaign has begun when they are there, and then all of it is.
    at.data.lake.write(at.client.id, CAMPAIGN_ALERTS, at.month, alerts, made_from, term)
    at.data.lake.write(at.client.id, CAMPAIGN_GROUPS, at.month, groups, made_from, term)
    _seal(at)
    return _described(at.data, at.month)


# --- inside -----------------------------------------------------------------------------------------------------------


def _seal(at: ClientMonth) -> None:
    """Seal every campaign that has begun; of one that broke off before it had, only the alerts are there."""
    at.data.lake.seal(at.client.id, CAMPAIGN_GROUPS.name)


def _refuse_lost(data: ClientData) -> None:
    data.lake.refuse_lost(data.client.id, CAMPAIGN_GROUPS.name)


def _proposed(at: ClientMonth) -> tuple[pa.Table, Provenance]:
    """The month's TEST_GROUPS and their record; Refused where a campaign cannot be begun with them."""
    own = campaign_at(at)
    if own is not None:
        raise Refused(
            f"the campaign {own.id} of '{at.client.id}' began on {own.started_on} and runs to {own.ends_on}.",
            "A campaign is begun once; take another month's.",
        )
    if at.data.lake.provenance(at.client.id, TEST_GROUPS.name, at.month) is None:
        raise Refused(
            f"'{at.client.id}' has no test groups for {at.month}.",
            f"Make them first: crm-platform refresh --client {at.client.id} --month {at.month}",
        )
    groups, record = at.data.lake.read_recorded(at.client.id, TEST_GROUPS, at.month)
    if not groups.num_rows:
        raise Refused(
            f"nobody is in the test groups of '{at.client.id}' for {at.month}.",
            "Nobody was alerted, or open campaigns leave too few (crm-platform campaigns list); take another month.",
        )
    return groups, record


def _refuse_shared_customers(at: ClientMonth, groups: pa.Table, started_on: dt.date) -> None:
    """Another campaign may have begun since the groups were dealt: no customer is in two at a time (R92)."""
    for other in campaigns_of(at.data):
        if other.month == at.month or not other.overlaps(started_on, end_of(started_on)):
            continue
        theirs = at.data.lake.read(at.client.id, CAMPAIGN_GROUPS, other.month)["customer_id"]
        shared = pc.sum(pc.is_in(groups["customer_id"], value_set=theirs)).as_py() or 0
        if shared:
            raise Refused(
                f"{shared:,} customers of these groups are in the campaign {other.id}, {other.started_on} to "
                f"{other.ends_on}.",
                f"Deal the groups again without them: crm-platform refresh --client {at.client.id} --month {at.month}",
            )


def _described(data: ClientData, month: Month) -> Campaign:
    groups, record = data.lake.read_recorded(data.client.id, CAMPAIGN_GROUPS, month)
    started_on, ends_on = (dt.date.fromisoformat(record.remarks[day]) for day in ("started_on", "ends_on"))
    return campaign_of(groups, month, started_on, ends_on, record.sha256)
