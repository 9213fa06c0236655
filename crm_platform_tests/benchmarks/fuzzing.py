"""`python -m crm_platform_tests.benchmarks.fuzzing`: damaged files against the readers for a minute (`--seconds`).

Ends with 1 and keeps the file where anything but a refusal or closed accounts came out. The same seed makes the same
files in the same order.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

from crm_platform_tests.intake.fuzzing import damaged, examined_or_refused, random_edits, specimens


def main() -> int:
    """Run and print what came out."""
    parser = argparse.ArgumentParser(prog="fuzzing")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--keep", type=Path, default=Path("fuzzing_found"), help="where a file that breaks in is kept")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    outcomes = run(random.Random(given.seed), given.seconds, given.keep)
    print(f"{outcomes.total():,} files in {given.seconds:g} s: {dict(sorted(outcomes.items()))}")
    return int(outcomes["broken"] > 0)


def run(chosen: random.Random, seconds: float, keep: Path) -> Counter[str]:
    """Damage and examine until the time is over; how often each outcome was met."""
    kinds, outcomes = specimens(), Counter[str](broken=0)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        specimen = chosen.choice(kinds)
        file, *others = damaged(specimen, random_edits(chosen))
        try:
            outcomes[type(examined_or_refused([file, *others], specimen.client)).__name__] += 1
        except Exception as error:  # noqa: BLE001  whatever comes out is what is looked for
            outcomes["broken"] += 1
            keep.mkdir(exist_ok=True)
            place = keep / f"{outcomes.total()}-{specimen.preset or 'standard'}-{file.name}"
            place.write_bytes(file.content)
            print(f"{place}: {type(error).__name__}: {error}", file=sys.stderr)
            traceback.print_exc()
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
