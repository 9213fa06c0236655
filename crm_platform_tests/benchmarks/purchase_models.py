"""`python -m crm_platform_tests.benchmarks.purchase_models`: fit and forecast, beside `lifetimes`.

The same customers of an MBG/NBD process, in whole days. Each model of each side is a process of its own: it reads
the customers, fits all of them, and forecasts the half year of each. The work is the CPU time of all threads from the
arrays to the forecasts, imports excluded on both sides; peak memory is that of the whole process. Quote ratios.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from crm_platform_tests.benchmarks.measured import Cost, cost_of

SIZES = (23_000, 200_000, 2_000_000)
LARGEST_WITHOUT_PATIENCE = {"Pareto/NBD": 200_000}  # its search takes 430 CPU s per million customers
MAKE_CUSTOMERS = """
import sys
import numpy as np
path, size = sys.argv[1], int(sys.argv[2])
draw = np.random.default_rng(20_250_701)
age = draw.integers(1, 1_096, size).astype(float)
rate, chance = draw.gamma(0.6, 1 / 60, size), draw.beta(0.9, 2.5, size)
repeats, recency = np.zeros(size), np.zeros(size)
who = np.flatnonzero(draw.random(size) >= chance)
while len(who):
    day = recency[who] + np.maximum(np.ceil(draw.exponential(1 / rate[who])), 1)
    who, day = who[day <= age[who]], day[day <= age[who]]
    recency[who] = day
    repeats[who] += 1
    who = who[draw.random(len(who)) >= chance[who]]
np.save(path, np.stack([repeats, recency, age]))
"""
OURS = """
import json, sys, time
import numpy as np
from crm_platform.forecast import {module} as models
base = tuple(np.load(sys.argv[1]))
start = time.process_time()
fitted = models.{fit}(*base)
fit_seconds = time.process_time() - start
expected = models.expected_purchases(fitted, *base, 182.0)
seconds = time.process_time() - start
found = [float(getattr(fitted, name)) for name in {names!r}]
json.dump(dict(seconds=seconds, fit=fit_seconds, found=found, sum=float(expected.sum())), open(sys.argv[2], "w"))
"""
THEIRS = """
import json, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
from lifetimes import {fitter}
base = tuple(np.load(sys.argv[1]))
start = time.process_time()
fitter = {fitter}()
fitter.fit(*base)
fit_seconds = time.process_time() - start
expected = np.asarray(fitter.conditional_expected_number_of_purchases_up_to_time(182.0, *base))
seconds = time.process_time() - start
found = [float(fitter.params_[name]) for name in {names!r}]
json.dump(dict(seconds=seconds, fit=fit_seconds, found=found, sum=float(expected.sum())), open(sys.argv[2], "w"))
"""
_BETA, _GAMMA = ("r", "alpha", "a", "b"), ("r", "alpha", "s", "beta")
MODELS = {
    "MBG/NBD": (
        OURS.format(module="mbg_nbd", fit="fit_mbg_nbd", names=_BETA),
        THEIRS.format(fitter="ModifiedBetaGeoFitter", names=_BETA),
    ),
    "Pareto/NBD": (
        OURS.format(module="pareto_nbd", fit="fit_pareto_nbd", names=_GAMMA),
        THEIRS.format(fitter="ParetoNBDFitter", names=_GAMMA),
    ),
    "MBG/CNBD-k": (OURS.format(module="mbg_cnbd_k", fit="fit_mbg_cnbd_k", names=_BETA), None),
    "BG/NBD": (None, THEIRS.format(fitter="BetaGeoFitter", names=_BETA)),
}


def main() -> None:
    """Measure the sizes and models asked for; print a line per process, and the ratio where both sides have a model."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--patient", action="store_true", help="also what takes lifetimes a quarter of an hour")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        for size in asked.customers:
            measure(size, asked.models, folder, patient=asked.patient)
    finally:
        shutil.rmtree(folder)


def measure(size: int, names: list[str], folder: Path, *, patient: bool) -> None:
    """Make `size` customers and take them through the models."""
    customers = folder / "customers.npy"
    cost_of(["-c", MAKE_CUSTOMERS, str(customers), str(size)])
    print(f"{size:,} customers{'work':>29}{'of it fit':>12}{'peak':>12}   parameters; expected purchases in all")
    for name in names:
        seconds = {}
        for side, code in zip(("ours", "lifetimes"), MODELS[name], strict=True):
            too_long = side == "lifetimes" and size > LARGEST_WITHOUT_PATIENCE.get(name, size)
            if code is not None and (patient or not too_long):
                cost, result = _run(code, customers, folder / "result.json")
                seconds[side] = result["seconds"]
                print(_line(f"{name}, {side}", cost, result), flush=True)
        if len(seconds) == 2:
            print(f"  lifetimes took {seconds['lifetimes'] / seconds['ours']:.1f} × the CPU time", flush=True)


def _line(name: str, cost: Cost, result: dict) -> str:
    found = " ".join(f"{value:.3f}" for value in result["found"])
    times = f"{result['seconds']:8.2f} CPU s{result['fit']:6.2f} CPU s"
    return f"  {name:24}{times}{cost.peak_mib:8.0f} MiB   {found}; {result['sum']:,.0f}"


def _run(code: str, customers: Path, result: Path) -> tuple[Cost, dict]:
    cost = cost_of(["-c", code, str(customers), str(result)])
    return cost, json.loads(result.read_text("utf-8"))


if __name__ == "__main__":
    main()
