"""Which product group to offer a subscriber for a one-off purchase (おすすめ商品群): the likeliest of those that fit.

Fitting are groups never bought, and the own favourite among one-off purchases; for who stopped also the other groups
bought before, for what is no longer delivered may be bought again (解約客の再購入). How likely each is, former terms
tell: shares of subscribers in the same state and need, of the same subscribed group, who bought the group one-off.
Trial sizes and give-aways are out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from ibis import _

from crm_platform.two_track.one_off_purchases import one_off_jpy
from crm_platform.two_track.targets.known import KnownSubscribers

MOST_GROUPS = 20  # by one-off sales of the past year
SUBSCRIBERS_DRAWN = 50.0  # of all subscribed groups, beside the own
YEAR_DAYS = 365
_CELL = ("is_continuing", "is_manifest", "subscribed_group", "relation", "product_group")
_WIDER = ("is_continuing", "is_manifest", "relation", "product_group")
_RELATIONS = ("favourite", "owned", "new")
_WIDEST = ("relation", "product_group")


@dataclass(frozen=True, eq=False)
class Offers:
    """`groups` to choose from, the most sold first, and the share of each cell that bought one."""

    groups: tuple[str, ...]
    rates: pd.DataFrame


def learn_offers(known: KnownSubscribers, past: pd.DataFrame, as_of: dt.date, horizon_days: int) -> Offers:
    """What subscribers bought one-off in terms that ended by `as_of`.

    Args:
        known: what is known at `as_of`.
        past: rows of `subscribers_at` of earlier days whose term ended by then.
        as_of: the last day known.
        horizon_days: the term.
    """
    bought = _bought(known.days.filter(known.days.day <= as_of), known.goods)
    groups = _groups(bought, as_of)
    if not groups:
        return Offers((), pd.DataFrame(columns=[*_CELL, "offer_rate"]))
    return Offers(groups, _rates(_beside(_asked(past), bought, groups), bought, horizon_days))


def best_offers(offers: Offers, known: KnownSubscribers, subscribers: pd.DataFrame) -> pd.DataFrame:
    """`customer_id, product_group, offer_rate` of rows of `subscribers_at`, in order of customer.

    Nobody has a row where nothing was sold one-off in the past year.
    """
    if not offers.groups:
        return pd.DataFrame(columns=["customer_id", "product_group", "offer_rate"])
    asked = _beside(_asked(subscribers), _bought(known.days, known.goods), offers.groups)
    told = asked.left_join(ibis.memtable(offers.rates), _CELL, rname="{name}_told")
    told = told.inner_join(ibis.memtable(_of_all(offers)), _WIDEST, rname="{name}_all")
    told = told.mutate(
        offer_rate=ibis.coalesce(told.offer_rate, told.offer_rate_all),
        fits=((told.relation != "owned") | ~told.is_continuing).cast("int64"),
    )
    best_first = ibis.window(
        group_by="customer_id",
        order_by=[told.fits.desc(), told.offer_rate.desc(), told.group_place],
    )
    best = told.mutate(place=ibis.row_number().over(best_first)).filter(_.place == 0)
    frame: pd.DataFrame = best.select("customer_id", "product_group", "offer_rate").order_by("customer_id").to_pandas()
    return frame


# --- inside -----------------------------------------------------------------------------------------------------------


def _asked(subscribers: pd.DataFrame) -> ibis.Table:
    """The rows as an expression: `as_of, customer_id, is_continuing, is_manifest, subscribed_group`."""
    columns = {
        "as_of": pa.array(pd.to_datetime(subscribers["as_of"]).dt.date, pa.date32()),
        "customer_id": pa.array(subscribers["customer_id"], pa.string()),
        "is_continuing": pa.array(subscribers["is_continuing"], pa.bool_()),
        "is_manifest": pa.array(subscribers["one_off_days"] > 0, pa.bool_()),
        "subscribed_group": pa.array(subscribers["product_group"].fillna(""), pa.string()),
    }
    return ibis.memtable(pa.table(columns))


def _bought(days: ibis.Table, goods: ibis.Table) -> ibis.Table:
    """`customer_id, day, product_group, one_off_jpy` of days with standing sales, by the product of the main line."""
    sold = days.filter(days.standing_sales_jpy > 0).left_join(goods, "product_id", rname="{name}_master")
    sold = sold.filter(~sold.is_trial.fill_null(False))
    is_one_off = (sold.order_kind == "one_off").fill_null(False)
    return sold.select(
        "customer_id",
        "day",
        product_group=ibis.coalesce(sold.product_group, sold.product_id),
        one_off_jpy=ibis.ifelse(is_one_off, ibis.greatest(one_off_jpy(sold), 0.0), 0.0),
    )


def _groups(bought: ibis.Table, as_of: dt.date) -> tuple[str, ...]:
    """The groups to choose from, by one-off sales of the past year."""
    recent = bought.filter(bought.day > as_of - dt.timedelta(days=YEAR_DAYS))
    sums = recent.group_by("product_group").agg(sold=recent.one_off_jpy.cast("decimal(38, 0)").sum().cast("float64"))
    largest = sums.filter(sums.sold > 0).order_by(ibis.desc("sold"), "product_group").limit(MOST_GROUPS)
    return tuple(largest.to_pyarrow()["product_group"].to_pylist())


def _beside(subscribers: ibis.Table, bought: ibis.Table, groups: Sequence[str]) -> ibis.Table:
    """Every subscriber beside every group, and whether it was bought by then: `favourite`, `owned` or `new`."""
    known = subscribers.select("as_of", "customer_id").inner_join(bought, "customer_id")
    known = known.filter(known.day <= known.as_of)
    keys = ["as_of", "customer_id"]
    owned = known.group_by(*keys, "product_group").agg(
        times=(known.one_off_jpy > 0).cast("int64").sum(), last_on=known.day.max()
    )
    most_first = ibis.window(group_by=keys, order_by=[owned.times.desc(), owned.last_on.desc(), owned.product_group])
    owned = owned.mutate(is_favourite=(ibis.row_number().over(most_first) == 0) & (owned.times > 0))
    pairs = subscribers.mutate(product_group=ibis.array([ibis.literal(group) for group in groups]).unnest())
    pairs = pairs.left_join(owned, [*keys, "product_group"], rname="{name}_owned")
    pairs = pairs.select(*keys, *_CELL[:3], "product_group", "is_favourite", "times")
    relation = ibis.cases(
        (pairs.is_favourite.fill_null(False), "favourite"), (pairs.times.notnull(), "owned"), else_="new"
    )
    return pairs.mutate(relation=relation).drop("is_favourite", "times")


def _rates(pairs: ibis.Table, bought: ibis.Table, horizon_days: int) -> pd.DataFrame:
    """`_CELL` and `offer_rate`: shares of subscribers who bought the group one-off then, drawn to wider cells."""
    keys = ["as_of", "customer_id", "product_group"]
    seen = pairs.select("as_of", "customer_id").distinct().inner_join(bought.filter(_.one_off_jpy > 0), "customer_id")
    end = (seen.as_of + ibis.interval(days=horizon_days)).cast("date")
    taken = seen.filter((seen.day > seen.as_of) & (seen.day <= end)).select(keys).distinct().mutate(took=1)
    joined = pairs.left_join(taken, keys, rname="{name}_taken")
    cells = joined.group_by(_CELL).agg(seen=joined.count(), took=joined.took.sum().fill_null(0)).order_by(_CELL)
    counts: pd.DataFrame = cells.to_pandas()
    overall = counts["took"].sum() / max(float(counts["seen"].sum()), 1.0)
    rate: npt.NDArray[np.float64] = np.full(len(counts), overall)
    for cell in (_WIDEST, _WIDER, _CELL):
        sums = counts.groupby(list(cell), dropna=False)[["seen", "took"]].transform("sum")
        rate = ((sums["took"] + SUBSCRIBERS_DRAWN * rate) / (sums["seen"] + SUBSCRIBERS_DRAWN)).to_numpy(np.float64)
    return counts.assign(offer_rate=rate)


def _of_all(offers: Offers) -> pd.DataFrame:
    """The rates of `_WIDEST`, for a cell that the past has not seen, and the place of each group by sales."""
    rates = offers.rates.assign(expected=offers.rates["offer_rate"] * offers.rates["seen"])
    every = pd.MultiIndex.from_product([_RELATIONS, offers.groups], names=_WIDEST)
    sums = rates.groupby(list(_WIDEST))[["expected", "seen"]].sum().reindex(every, fill_value=0)
    rate = sums["expected"] / sums["seen"].where(sums["seen"] > 0)
    place = {group: place for place, group in enumerate(offers.groups)}
    told = rate.fillna(0.0).rename("offer_rate").reset_index()
    return told.assign(group_place=told["product_group"].map(place).astype("int64"))
