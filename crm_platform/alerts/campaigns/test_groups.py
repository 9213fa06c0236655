"""Who of the alerted is contacted (グループ①), by which channel, and who is not (グループ②): a fair test (R84, R92).

Strata of like customers, and within each the order of a hash (see docs/methods/test-groups.md): random, alike, the same
again for the same seed, and hardly changed where the month is computed again and a few customers come or go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from crm_platform.alerts.campaigns.strata import Draw, Whole, draw_of, shared_out, strata_of
from crm_platform.clients import Channel
from crm_platform.refusals import Refused
from crm_platform.tables.alerts import TEST_GROUPS

Flags = npt.NDArray[np.bool_]


def design_test(
    alerts: pd.DataFrame,
    segments: pd.DataFrame,
    *,
    campaign_id: str,
    seed: int,
    treated: int | None = None,
    control: int | None = None,
    channels: Sequence[Channel],
    taken: Iterable[str] = (),
) -> pa.Table:
    """TEST_GROUPS: two random groups, alike in class, value and risk, the treated dealt to channels by their shares.

    Args:
        alerts: LAPSE_ALERTS in pandas, in any order.
        segments: `customer_id` and `value_class` (null: new in the term) of at least the alerted.
        campaign_id: the test's campaign; another one deals anew.
        seed: another seed deals anew.
        treated: size of group ①; half of those free where not given, an odd one treated.
        control: size of group ②. With both, the free ones with the largest expected loss are taken, the rest left.
        channels: at least one; every treated customer is in exactly one.
        taken: customers of other campaigns that are open: in no group.

    Raises:
        Refused: fewer are free than the sizes ask for, or only one size is given.
        ValueError: no channel, or an alerted customer without a segment.
    """
    if not channels:
        raise ValueError("a test needs at least one channel")
    free = alerts[~alerts["customer_id"].isin(set(taken))]
    sizes = group_sizes(len(free), treated, control, len(alerts) - len(free))
    chosen = free.sort_values(["expected_loss_jpy", "customer_id"], ascending=[False, True]).head(sum(sizes))
    dealt = _in_dealing_order(chosen, segments, campaign_id, seed)
    is_treated = _first_of_each(dealt["stratum"].to_numpy(), sizes[0], draw_of(seed, campaign_id, "treated"))
    found = np.full(len(dealt), None, dtype=object)
    found[is_treated] = _channels_of(dealt["stratum"].to_numpy()[is_treated], channels, campaign_id, seed)
    groups = {"test_group": np.where(is_treated, "treated", "control"), "channel": found}
    return TEST_GROUPS.from_pandas(dealt.assign(**groups, campaign_id=campaign_id))


def group_sizes(free: int, treated: int | None, control: int | None, taken: int = 0) -> tuple[int, int]:
    """The sizes of ① and ② among `free` customers: as set, else halves, an odd one treated.

    `taken` are alerted as well but in other campaigns; told where the sizes cannot be met. Refused as `design_test`.
    """
    if treated is None and control is None:
        return free - free // 2, free // 2
    if treated is None or control is None or treated < 0 or control < 0:
        raise Refused(
            "only one test group has a size.",
            "Set both, alert_treated and alert_control, each 0 or more, or neither.",
        )
    if treated + control > free:
        left_out = f" ({taken:,} more are in other open campaigns)" if taken else ""
        raise Refused(
            f"the test groups ask for {treated:,} + {control:,} customers, but only {free:,} are alerted{left_out}.",
            "Ask for smaller groups (alert_treated, alert_control), or alert more customers (alert_targets).",
        )
    return treated, control


def channel_sizes(treated: int, channels: Sequence[Channel]) -> list[int]:
    """`treated` by the channels' shares in whole customers: what is left over goes to the largest remainders."""
    exact = [Fraction(str(channel.share)) * treated for channel in channels]  # 0.29 of 100 is 29, not 28.999…
    whole = sum(Fraction(str(channel.share)) for channel in channels)
    sizes = [int(size // whole) for size in exact]
    left_over = [size / whole % 1 for size in exact]
    by_remainder = sorted(range(len(channels)), key=lambda place: (-left_over[place], channels[place].name))
    for place in by_remainder[: treated - sum(sizes)]:
        sizes[place] += 1
    return sizes


# --- dealing ----------------------------------------------------------------------------------------------------------


def _in_dealing_order(chosen: pd.DataFrame, segments: pd.DataFrame, campaign_id: str, seed: int) -> pd.DataFrame:
    """`customer_id` and `stratum`, within a stratum in the order of the customers' hashes."""
    draw = draw_of(seed, campaign_id, "customer")
    rows = pd.DataFrame(
        {
            "customer_id": chosen["customer_id"].to_numpy(),
            "stratum": strata_of(chosen, segments),
            "place": np.array([draw(str(customer)) for customer in chosen["customer_id"]], dtype=np.uint64),
        }
    )
    return rows.sort_values(["stratum", "place", "customer_id"], ignore_index=True)[["customer_id", "stratum"]]


def _first_of_each(strata: Whole, places: int, draw: Draw) -> Flags:
    """Whether each customer, in dealing order, gets one of `places`: the first of every stratum."""
    codes, starts, counts = np.unique(strata, return_index=True, return_counts=True)
    wanted = shared_out(dict(zip(codes.tolist(), counts.tolist(), strict=True)), places, draw)
    within = np.arange(len(strata)) - np.repeat(starts, counts)
    return within < np.repeat(np.array([wanted[code] for code in codes.tolist()], dtype=np.int64), counts)


def _channels_of(strata: Whole, channels: Sequence[Channel], campaign_id: str, seed: int) -> npt.NDArray[np.object_]:
    """The channel of each treated customer: one channel after the other takes its places among those left."""
    found, left = np.full(len(strata), None, dtype=object), np.arange(len(strata))
    in_order = sorted(channels, key=lambda channel: channel.name)
    for channel, size in zip(in_order, channel_sizes(len(strata), in_order), strict=True):
        is_in = _first_of_each(strata[left], size, draw_of(seed, campaign_id, "channel", channel.name))
        found[left[is_in]] = channel.name
        left = left[~is_in]
    return found
