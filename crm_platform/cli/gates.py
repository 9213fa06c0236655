"""`crm-platform gates`: the stages of a client's project, what passes each gate, and the record of a delivery (R38)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table as Grid

from crm_platform.cli.console import ClientOption, err, instance_here, out, platform_here
from crm_platform.cli.runs import month_or_none, print_steps
from crm_platform.refusals import Refused

if TYPE_CHECKING:
    from crm_platform.orchestration.client_month import ClientData
    from crm_platform.orchestration.platform import Platform
    from crm_platform.periods import Month
    from crm_platform.projects import Gate

app = typer.Typer(help="The four stages of a client's project, and the gate after each.", no_args_is_help=True)

ByOption = Annotated[str, typer.Option("--by", help="The role that says so (CRM部長); never a person's name.")]
OnOption = Annotated[dt.datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="YYYY-MM-DD; today.")]
MonthOption = Annotated[str | None, typer.Option(help="YYYY-MM; the latest month with data by default.")]


@app.command()
def show(client: ClientOption) -> None:
    """The plan of 56 days, which gates are passed, what blocks, and the steps to the next delivery."""
    from crm_platform.orchestration.gates import gates_at, ledger_of

    data = _data(platform_here(), client)
    found, gates = data.client, gates_at(data)
    out.print(_plan(gates, found.project.started_on))
    blocking = next((gate for gate in gates if not gate.is_passed), None)
    if not found.project.gates:
        _say(f"{client}: no gate holds anything; where they shall: [project] gates = true in its file")
    elif blocking:
        _say(f"what follows '{blocking.stage}' is blocked: {blocking.open_because}")
    print_steps(gates)
    for one in ledger_of(data.platform, found).deliveries:
        _say(f"delivered: {one.month} on {one.delivered_on} to {', '.join(one.people)}, repeats to {one.repeat_until}")


@app.command()
def sign(client: ClientOption, by: ByOption, on: OnOption = None) -> None:
    """Stage 1: the specification of the data (mapping and table definition) is confirmed as it is now."""
    from crm_platform.orchestration.gates import sign_specification

    platform = platform_here()
    passage = sign_specification(platform, platform.catalogue.load(client), by, _day(on))
    _say(f"{client}: specification {passage.specification} signed on {passage.on} by {passage.by}")


@app.command()
def totals(client: ClientOption) -> None:
    """Stage 2: make the test totals (テスト集計) for the client to hold against its own figures."""
    from crm_platform.orchestration.runs import make_test_totals

    platform = platform_here()
    with instance_here(platform) as instance, err.status(f"{client}: reading the inbox") as status:
        path = make_test_totals(platform, client, instance, lambda name: status.update(f"{client}: {name}"))
    _say(f"{client}: orders, customers and amounts of every month: {path}")


@app.command()
def accept(client: ClientOption, by: ByOption, on: OnOption = None) -> None:
    """Stage 2: the test totals agree with the client's own figures (検収); the difference per month is kept."""
    from crm_platform.orchestration.gates import accept_totals

    passage = accept_totals(_data(platform_here(), client), by, _day(on))
    months = sorted({one["month"] for one in passage.totals})
    largest = max(passage.totals, key=lambda one: abs(one["difference"]))
    difference = f"the largest difference is {largest['difference']:+,} ({largest['figure']} of {largest['month']})"
    _say(f"{client}: {len(passage.totals)} figures of {len(months)} months accepted on {passage.on}: {difference}")


@app.command()
def confirm(client: ClientOption, by: ByOption, month: MonthOption = None, on: OnOption = None) -> None:
    """Stage 3: the deliverables of the production run are confirmed; the study (可能性検討) may begin."""
    from crm_platform.orchestration.gates import confirm_production

    data = _data(platform_here(), client)
    of = _month(data, month)
    passage = confirm_production(data, of, by, _day(on))
    _say(f"{client}: deliverables of {of} confirmed on {passage.on} by {passage.by}; refresh adds what studies them")


@app.command()
def record(
    client: ClientOption,
    people: Annotated[list[str], typer.Option("--people", help="A role that took part; as often as needed.")],
    question: Annotated[list[str] | None, typer.Option(help="A question; with --answer, as often as needed.")] = None,
    answer: Annotated[list[str] | None, typer.Option(help="The answer to the question in the same place.")] = None,
    month: MonthOption = None,
    on: OnOption = None,
) -> None:
    """Stage 4 and every month after: a delivery (納品) with its day, roles, questions and answers."""
    from crm_platform.orchestration.gates import deliver_results

    questions, answers = question or [], answer or []
    if len(questions) != len(answers):
        raise typer.BadParameter("give an --answer for every --question.")
    data = _data(platform_here(), client)
    of = _month(data, month)
    made = deliver_results(data, of, _day(on), people, list(zip(questions, answers, strict=True)))
    told = f"{len(made.answers)} questions answered, repeats to {made.repeat_until}"
    _say(f"{client}: delivery of {made.month} recorded on {made.delivered_on}: {told}")


def _plan(gates: tuple[Gate, ...], started_on: dt.date | None) -> Grid:
    from crm_platform.projects import plan_from

    planned = {one.stage: one for one in plan_from(started_on)} if started_on else {}
    days = f": {started_on} to {max(one.last_day for one in planned.values())}" if planned and started_on else ""
    grid = Grid("stage", "from", "to", "gate", title=f"{_DAYS} days{days}")
    for gate in gates:
        plan = planned.get(gate.stage)
        ends = (str(plan.first_day), str(plan.last_day)) if plan else ("–", "–")
        state = f"passed on {gate.passed_on} by {gate.by}" if gate.is_passed else "open"
        grid.add_row(_NAMES[gate.stage], *ends, state)
    return grid


_DAYS = 56
_NAMES = {
    "specification": "1 specification (仕様確認)",
    "test_totals": "2 test totals (テスト集計と検収)",
    "production": "3 production (本番データの分析)",
    "study": "4 study (都度販売の可能性検討)",
}


def _data(platform: Platform, client_id: str) -> ClientData:
    from crm_platform.orchestration.client_month import ClientData

    return ClientData(platform, platform.catalogue.load(client_id))


def _month(data: ClientData, text: str | None) -> Month:
    return month_or_none(text) or data.months()[-1]


def _day(on: dt.datetime | None) -> dt.date:
    """The day that was said, today by default; Refused where it has not come: nothing recorded is taken back."""
    today = dt.date.today()
    if on and on.date() > today:
        raise Refused(f"--on {on.date()} has not come yet.", f"Give a day up to {today}: a record is never taken back.")
    return on.date() if on else today


def _say(line: str) -> None:
    out.print(line, markup=False, highlight=False)
