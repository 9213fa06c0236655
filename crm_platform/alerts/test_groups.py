"""Two comparable groups to test a measure on: ① contacted, ② not contacted (R84, seed 003:106-109)."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from crm_platform.refusals import Refused
from crm_platform.tables.analyses import LAPSE_ALERTS

STRATA = 5  # fifths by risk


def split_test_and_control(
    alerts: pd.DataFrame, seed: int, treated: int | None = None, control: int | None = None
) -> pa.Table:
    """LAPSE_ALERTS: the alerts, each in group ① `treated` or ② `control`.

    The groups are disjoint, balanced on value and risk, and the same whenever they are computed from the same alerts
    and seed: within each fifth by risk, customers of neighbouring value are paired, a hash of seed and customer number
    orders each pair, and all are dealt in turn. An odd one is treated.

    Args:
        alerts: what `find_lapse_alerts` returns.
        seed: decides the order within a stratum.
        treated: size of group ①; half of the alerts where not given.
        control: size of group ②. With both given, the alerts with the largest expected loss are taken, the rest left.

    Raises:
        Refused: there are fewer alerts than the two sizes ask for, or only one size is given.
    """
    sizes = _sizes(len(alerts), treated, control)
    chosen = alerts.sort_values(["expected_loss_jpy", "customer_id"], ascending=[False, True]).head(sum(sizes))
    dealt = chosen.assign(
        risk_stratum=_fifth(chosen["lapse_risk"]),
        order=[_order(seed, customer) for customer in chosen["customer_id"]],
    ).sort_values(["risk_stratum", "sales_6m_jpy", "customer_id"])
    dealt["pair"] = np.minimum(np.arange(len(dealt)) // 2, max(len(dealt) // 2 - 1, 0))  # an odd one makes a three
    dealt = dealt.sort_values(["pair", "order"])
    # A place is treated when places × share passes a whole number there: evenly spread, exact in total.
    turns = np.arange(len(dealt) + 1, dtype=np.int64) * sizes[0] // max(sum(sizes), 1)
    dealt["test_group"] = np.where(np.diff(turns) > 0, "treated", "control")
    return LAPSE_ALERTS.from_pandas(dealt)


def _sizes(alerts: int, treated: int | None, control: int | None) -> tuple[int, int]:
    if treated is None and control is None:
        return alerts - alerts // 2, alerts // 2
    if treated is None or control is None or treated < 0 or control < 0:
        raise Refused(
            "only one test group has a size.", "Give the sizes of both groups, each 0 or more, or of neither."
        )
    if treated + control > alerts:
        raise Refused(
            f"the test groups ask for {treated:,} + {control:,} customers, but only {alerts:,} are alerted.",
            "Ask for smaller groups, or alert more customers with the setting alert_targets.",
        )
    return treated, control


def _fifth(values: pd.Series) -> npt.NDArray[np.int64]:
    return np.ceil(values.rank(method="average", pct=True).to_numpy() * STRATA).astype(np.int64)


def _order(seed: int, customer_id: str) -> bytes:
    return hashlib.sha256(f"{seed}:{customer_id}".encode()).digest()
