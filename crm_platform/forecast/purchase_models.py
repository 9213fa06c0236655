"""The purchase models behind one door: fitted on buyers by name, asked per customer, written as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from crm_platform.forecast import mbg_cnbd_k, mbg_nbd, pareto_nbd
from crm_platform.forecast.histories import distinct_rows
from crm_platform.forecast.mbg_cnbd_k import MBGCNBDk
from crm_platform.forecast.mbg_nbd import MBGNBD
from crm_platform.forecast.origins import reals
from crm_platform.forecast.pareto_nbd import ParetoNBD

Reals = npt.NDArray[np.float64]
PurchaseModel = ParetoNBD | MBGNBD | MBGCNBDk
Question = Literal["p_alive", "expected_purchases", "probability_of_purchase"]

KINDS: Mapping[str, type[PurchaseModel]] = {"pareto_nbd": ParetoNBD, "mbg_nbd": MBGNBD, "mbg_cnbd_k": MBGCNBDk}
PRINTED_NAMES = {"pareto_nbd": "Pareto/NBD", "mbg_nbd": "MBG/NBD", "mbg_cnbd_k": "MBG/CNBD-k"}  # in any language
_MODULES: Mapping[type[PurchaseModel], ModuleType] = {ParetoNBD: pareto_nbd, MBGNBD: mbg_nbd, MBGCNBDk: mbg_cnbd_k}


def fit_by_name(name: str, buyers: pd.DataFrame) -> PurchaseModel:
    """The model of `KINDS` fitted on rows with a purchase, as `origins.describe` gives them."""
    histories = histories_of(buyers)
    if name == "mbg_cnbd_k":
        return mbg_cnbd_k.fit_mbg_cnbd_k(*histories, log_gaps=np.nan_to_num(reals(buyers, "log_gaps")))
    return mbg_nbd.fit_mbg_nbd(*histories) if name == "mbg_nbd" else pareto_nbd.fit_pareto_nbd(*histories)


def ask(question: Question, model: PurchaseModel, buyers: pd.DataFrame, *horizon_days: float) -> Reals:
    """What the model's module says of each buyer, worked out once per distinct history; times in days."""
    histories = histories_of(buyers)
    one, same = distinct_rows(*histories)
    answer = getattr(_MODULES[type(model)], question)(model, *(column[one] for column in histories), *horizon_days)
    values: Reals = np.clip(answer, 0, np.inf if question == "expected_purchases" else 1)[same]
    return values


def histories_of(buyers: pd.DataFrame) -> tuple[Reals, Reals, Reals]:
    """Repeats, recency and age, as `histories` has them, in days."""
    return reals(buyers, "purchase_days") - 1, reals(buyers, "tenure_days"), reals(buyers, "age_days")


def repeaters(features: pd.DataFrame) -> int:
    """How many customers bought on two days."""
    return int((reals(features, "purchase_days") > 1).sum())


def name_of(model: PurchaseModel) -> str:
    """The model's name in `KINDS`."""
    return next(name for name, kind in KINDS.items() if isinstance(model, kind))


def model_to_json(model: PurchaseModel) -> dict[str, Any]:
    """Plain JSON values, the name among them."""
    return {"model": name_of(model), **dataclasses.asdict(model)}


def model_from_json(value: Mapping[str, Any]) -> PurchaseModel:
    """Read what `model_to_json` wrote."""
    return KINDS[value["model"]](**{name: each for name, each in value.items() if name != "model"})
