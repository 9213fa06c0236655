"""`python -m crm_platform_tests.benchmarks.diagnosis`: does the diagnosis find what is there, and nothing else?

`--null 100`: both reports on a hundred clients in whom nothing is planted: how often each question says 課題, beside
the stated rate of once in 740 for each comparison, of which a question makes two; at most one report in ten may have
any. `--planted`: one client for each plant, and its mirror: is it found and named, is its true size inside the
interval, what becomes of the verdict. `--sizes`: the true sizes themselves, means of clients of 100,000 customers.
`--coverage 30`: in how many clients a plant's interval holds its true size. `--demo FOLDER`: the same of the plants of
a demo that has run in that data folder, as it is reported, with the sizes of ten times as many customers. What it costs
is told by `crm_platform_tests.benchmarks.diagnosis_cost`.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from math import comb
from pathlib import Path

from crm_platform.diagnosis import Diagnosis, Finding
from crm_platform.diagnosis.diagnose import QUESTIONS
from crm_platform.diagnosis.inputs import DiagnosisInputs
from crm_platform.diagnosis.portfolio import PORTFOLIO_QUESTIONS
from crm_platform.lake import Lake
from crm_platform_tests.oracles.house_inputs import house, whole_house
from crm_platform_tests.oracles.planted_demo import demo_plants, sizes_of, true_sizes
from crm_platform_tests.oracles.planted_houses import PLANTED, Size, f2_of_the_bad_channel, size_of

STATED_RATE = 2 / 740  # a question compares with the year before, and judges a trend
BREAKS_BELOW = 0.01  # a count that the stated rate gives less often than this is no chance
HOUSES_WITH_ANY = 0.10
LARGE, LARGE_HOUSES = 100_000, 3
DEMO_SEED = 20200701


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--null", type=int, default=0, metavar="HOUSES")
    parser.add_argument("--planted", action="store_true")
    parser.add_argument("--sizes", action="store_true")
    parser.add_argument("--coverage", type=int, default=0, metavar="HOUSES")
    parser.add_argument("--plant", choices=PLANTED, help="with --coverage or --sizes: this plant only")
    parser.add_argument("--demo", type=Path, metavar="FOLDER")
    parser.add_argument("--demo-seed", type=int, default=DEMO_SEED, help="seed with which the demo was made")
    parser.add_argument("--customers", type=int, default=5000)
    parser.add_argument("--months", type=int, default=60)
    parser.add_argument("--first-seed", type=int, default=1)
    asked = parser.parse_args()
    if asked.null:
        seeds = range(asked.first_seed, asked.first_seed + asked.null)
        clients = (whole_house(seed, asked.customers, asked.months) for seed in seeds)
        print_false_issues([false_issues(client) for client in clients])
    if asked.planted:
        print_planted(asked.first_seed)
    names = [asked.plant] if asked.plant else list(PLANTED)
    if asked.sizes:
        print_sizes(names)
    if asked.coverage:
        print_coverage(names, range(asked.first_seed, asked.first_seed + asked.coverage), asked.customers)
    if asked.demo:
        print_demo(asked.demo, asked.demo_seed)


def false_issues(inputs: DiagnosisInputs) -> list[Finding]:
    """Every finding of both reports that says 課題."""
    findings = (question(inputs) for question in (*QUESTIONS, *PORTFOLIO_QUESTIONS))
    return [finding for finding in findings if finding is not None and finding.verdict == "issue"]


def print_false_issues(houses: list[list[Finding]]) -> None:
    """A line per question that said 課題, and how many houses had any."""
    counted = Counter(finding.key for issues in houses for finding in issues)
    print(f"{len(houses)} clients with nothing planted; stated rate per question {STATED_RATE:.2%}")
    for key, count in counted.most_common():
        print(f"  {key:26}{count:4}  {count / len(houses):6.1%}{told(at_least(count, len(houses)))}")
    affected = sum(bool(issues) for issues in houses)
    print(f"  with any{'':18}{affected:4}  {affected / len(houses):6.1%}  at most {HOUSES_WITH_ANY:.0%}")


def at_least(count: int, houses: int, rate: float = STATED_RATE) -> float:
    """The chance of so many false issues or more at the stated rate."""
    return 1 - sum(comb(houses, n) * rate**n * (1 - rate) ** (houses - n) for n in range(count))


def told(chance: float) -> str:
    """Whether the count breaks the rule."""
    return f"  breaks the rule (chance {chance:.1e})" if chance < BREAKS_BELOW else ""


def print_planted(seed: int) -> None:
    """A line per plant."""
    print(f"{'':28}{'verdict':>13}{'named':>7}{'size':>14}{'95 % interval':>30}{'true':>14}{'in it':>7}   mirror")
    for name, planted in PLANTED.items():
        finding = planted.question(house(seed, planted.customers, **planted.plants))
        mirrored = planted.question(house(seed, planted.customers, **planted.mirror))
        if finding is None:
            print(f"{name:28}left out")
            continue
        truth = planted.true_size * (planted.customers if is_yen(finding) else 1)
        size = size_of(finding)
        cells = (
            f"{finding.verdict:>13}{yes(planted.found(finding)):>7}{size.value:14,.4g}"
            f"{f'{size.low:,.4g} to {size.high:,.4g}':>30}{truth:14,.4g}{yes(size.holds(truth)):>7}"
        )
        named = ", named" if planted.names and planted.found(mirrored) else ""
        print(f"{name:28}{cells}   {mirrored.verdict if mirrored else 'left out'}{named}", flush=True)


def print_sizes(names: list[str]) -> None:
    """The true sizes, as `planted_houses` states them."""
    for name in names:
        planted, sizes = PLANTED[name], []
        for seed in range(LARGE_HOUSES):
            finding = planted.question(house(seed, LARGE, **planted.plants))
            if finding is not None:
                sizes.append(size_of(finding).value / (LARGE if is_yen(finding) else 1))
        print(f"{name:28}{sum(sizes) / len(sizes):.6g}  ({', '.join(f'{size:.6g}' for size in sizes)})", flush=True)
        if name == "bad medium":
            drawn = [f2_of_the_bad_channel(seed, LARGE) for seed in range(LARGE_HOUSES)]
            print(f"{'  of the drawn process':28}{sum(drawn) / len(drawn):.6g}", flush=True)


def print_coverage(names: list[str], seeds: range, customers: int) -> None:
    """A line per plant: how often it was an issue and named, and of those how often the interval held the true size."""
    for name in names:
        planted = PLANTED[name]
        findings = [planted.question(house(seed, customers, **planted.plants)) for seed in seeds]
        named = [finding for finding in findings if finding is not None and planted.found(finding)]
        truths = [planted.true_size * (customers if is_yen(finding) else 1) for finding in named]
        held = sum(size_of(finding).holds(truth) for finding, truth in zip(named, truths, strict=True))
        issues = sum(finding.verdict == "issue" for finding in named)
        print(f"{name:28}{len(seeds)} clients, {issues} issues, {len(named)} named, {held} intervals hold", flush=True)


def print_demo(folder: Path, seed: int) -> None:
    """A line per plant of the demo that was reported in this data folder."""
    truth = json.loads((folder / "demo" / "truth.json").read_text("utf-8"))
    lake = Lake(folder / "lake")
    diagnosis = Diagnosis.from_json(lake.read_document("demo", "diagnosis", max(lake.months("demo", "diagnosis"))))
    counted, months = sizes_of(truth["planted"]), len(truth["months"])
    true = true_sizes(truth["customers"], seed, months)
    print(f"{'':16}{'finding':17}{'named first':>12}{'size':>14}{'95 % interval':>30}", end="")
    print(f"{'counted':>12}{'in it':>6}{'true':>12}{'in it':>6}")
    for name, plant in demo_plants(truth["planted"]).items():
        finding = next(finding for finding in diagnosis.findings if finding.key == plant.finding)
        size = plant.size(finding)
        print(f"{name:16}{plant.finding:17}{yes(plant.found(finding)):>12}{told_size(size)}", end="")
        print("".join(f"{value:12,.4g}{yes(size.holds(value)):>6}" for value in (counted[name], true[name])))


def told_size(size: Size) -> str:
    """A size and its interval, as columns of a table."""
    return f"{size.value:14,.4g}{f'{size.low:,.4g} to {size.high:,.4g}':>30}"


def is_yen(finding: Finding) -> bool:
    """Whether the size grows with the number of customers."""
    return finding.measured is not None and finding.measured.unit == "jpy"


def yes(flag: bool) -> str:
    """How a table says it."""
    return "yes" if flag else "no"


if __name__ == "__main__":
    main()
