import subprocess
import sys

ENGINE = ("pandas", "pandera", "scipy", "duckdb", "great_expectations", "lightgbm", "ibis", "upath")
LOADED = f"import sys, crm_platform.reports; print([name for name in {ENGINE} if name in sys.modules])"


def test_who_only_draws_a_report_loads_none_of_the_libraries_that_compute_it():
    """They took 140 MiB of the 400 that a report may take (`benchmarks.reports`)."""
    told = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
