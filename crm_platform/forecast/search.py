"""The search for parameters: L-BFGS-B (Byrd, Lu, Nocedal & Zhu 1995), on one thread.

SciPy hands matrices of a few rows to a threaded BLAS, whose threads then wait for each other by spinning: searching
took up to ten times as long as working out the likelihood. One thread also gives the same bytes on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeResult, minimize
from threadpoolctl import ThreadpoolController

Reals = npt.NDArray[np.float64]


def least(
    objective: Callable[..., tuple[float, Reals]],
    start: npt.ArrayLike,
    bounds: Sequence[tuple[float, float]],
    *args: Any,
) -> OptimizeResult:
    """Where `objective(parameters, *args)`, which returns a value and its slopes, is least within the bounds."""
    with one_thread():
        return minimize(
            objective,
            np.asarray(start, dtype=np.float64),
            args=args,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"ftol": 1e-13, "gtol": 1e-7, "maxiter": 500},
        )


def one_thread() -> AbstractContextManager[Any]:
    """While it is entered, matrices are multiplied on one thread."""
    limited: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limited


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
