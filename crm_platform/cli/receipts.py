"""What a delivery's receipt says, printed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table as Grid

from crm_platform.cli.console import out

if TYPE_CHECKING:
    from crm_platform.intake import Accepted, StoredDelivery


_CHANGES = {
    "lines_undone": "lines cancelled or returned",
    "lines_changed": "lines changed",
    "lines_removed": "lines removed",  # their orders came again without them
}
_COUNTED = ("admitted", "quarantined")
_LINES_SHOWN = 10
_LONGEST_CLOSURE_DAYS = 7
NO_ORDERS = "no orders in it: the last day with data stays"


def show_accepted(accepted: Accepted) -> None:
    """The accounts of a delivery that was accepted, and all that a person should know of it."""
    if accepted.is_known:
        _say(f"{accepted.folder.name}: delivered before with the same content; nothing to do")
        if accepted.others_to:
            _say(
                "what later deliveries say of the same orders stands; where those files were older, deliver these with "
                '--again "why", or a new export'
            )
        return
    receipt = accepted.receipt
    out.print(_accounts(receipt["accounts"]))
    for line in [*_of_accounts(receipt["accounts"]), *_of_files(accepted), *_of_the_whole(accepted)]:
        _say(line)
    _say(f"in the inbox: {accepted.folder}")


def show_deliveries(stored: Sequence[StoredDelivery]) -> None:
    """One line per delivery: when, which files, which months, how many rows."""
    for delivery in stored:
        receipt, accounts = delivery.receipt, delivery.receipt["accounts"].values()
        admitted, quarantined = (f"{sum(account[name] for account in accounts):,}" for name in _COUNTED)
        files = ", ".join(file["name"] for file in receipt["files"])
        orders = f"orders of {receipt['data_from']} to {receipt['data_to']}" if receipt["data_to"] else "no orders"
        _say(
            f"{delivery.delivery_id}: examined on {receipt['examined_on']}, {orders}, {admitted} rows admitted, "
            f"{quarantined} quarantined: {files}" + (f"; again: {again}" if (again := receipt.get("again")) else "")
        )


def _accounts(accounts: Mapping[str, Mapping[str, Any]]) -> Grid:
    grid = Grid("table", "rows delivered", "admitted", "quarantined", "set aside")
    for table, account in accounts.items():
        aside = sum(account["set_aside"].values())
        numbers = (account["delivered"], account["admitted"], account["quarantined"], aside)
        grid.add_row(table, *(f"{number:,}" for number in numbers))
    return grid


def _of_accounts(accounts: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    for table, account in accounts.items():
        if account.get("derived"):
            yield f"{table}: {account['derived']:,} made from the order lines"
        if account.get("added_by_splitting"):
            yield f"{table}: {account['added_by_splitting']:,} lines more than rows: rows of several products are split"
        if account["quarantined"]:
            yield f"{table}: quarantined by rule: {_counts(account['quarantined_by_rule'])}"
        if any(account["set_aside"].values()):
            yield f"{table}: set aside by rule: {_counts(account['set_aside'])}"
        if account.get("orders_that_do_not_add_up"):
            yield f"{table}: {account['orders_that_do_not_add_up']:,} orders whose lines come to less than their total"
    if any(account["quarantined"] for account in accounts.values()):
        yield "every quarantined row, with line and remedy: acceptance/quarantine.csv, or now with --faults FILE"


def _of_files(accepted: Accepted) -> Iterable[str]:
    for reason in accepted.kept_as_admitted:
        yield f"an earlier delivery stays as it was admitted, the present mapping cannot be applied to it: {reason}"
    for name in accepted.left_out:
        yield f"{name} left out: an operating system added it"
    said: dict[str, list[str]] = {}  # saved exports by month are alike
    for file in accepted.receipt["files"]:
        for line in _of_file(file):
            said.setdefault(line, []).append(file["name"])
    for line, (first, *others) in said.items():
        alike = f" and {len(others):,} more alike" if len(others) > 1 else f", {others[0]}" if others else ""
        yield f"{first}{alike}: {line}"


def _of_file(file: Mapping[str, Any]) -> Iterable[str]:
    if cut := [column["column"] for column in file["dropped_columns"]]:
        yield f"cut out as personal data: {', '.join(cut)}"
    if again := file["header_again_on_lines"]:
        more = f" and {len(again) - _LINES_SHOWN:,} more" if len(again) > _LINES_SHOWN else ""
        lines = ", ".join(map(str, again[:_LINES_SHOWN]))
        yield f"the header stands again in line {lines}{more}; no row is made of it"
    if file["lacking_columns"]:
        yield f"not in the file, so empty: {', '.join(file['lacking_columns'])}"
    if file["unused_columns"]:
        yield f"kept, but not used: {', '.join(file['unused_columns'])}"
    if status := file.get("status_of_every_row"):
        yield (
            f"every line counts as {status}, for no column is mapped to status: cancelled orders would be sales; where "
            "a column tells them, map it in [tables.order_lines.columns]"
        )


def _of_the_whole(accepted: Accepted) -> Iterable[str]:
    """Lines taken away, specification (データの仕様が前回と同じ, R13), control totals (検収), the last day."""
    receipt = accepted.receipt
    changes = receipt["changes"]
    if any(changes[name] for name in _CHANGES):
        told = ", ".join(f"{words} {changes[name]:,}" for name, words in _CHANGES.items())
        yield f"of the orders known before: {told}; orders new {changes['orders_new']:,}"
    if receipt["same_spec"] is not None:
        differences = "; ".join(receipt["spec_differences"])
        yield f"specification of the data: {'the same' if receipt['same_spec'] else f'different: {differences}'}"
    if compared := receipt["control_totals"]:
        agree = sum(one["difference"] == 0 for one in compared)
        yield f"control totals: {agree} of {len(compared)} agree exactly"
    if gap := _days_in_none(receipt["data_from"], accepted.others_to):
        yield gap
    yield _last_day(dt.date.fromisoformat(receipt["data_to"]), accepted.others_to) if receipt["data_to"] else NO_ORDERS


def _days_in_none(data_from: str | None, others_to: dt.date | None) -> str | None:
    """The days between former deliveries and this one, where they are more than a week's closure; else None."""
    first = dt.date.fromisoformat(data_from) if data_from and others_to else None
    if first is None or others_to is None or (first - others_to).days - 1 <= _LONGEST_CLOSURE_DAYS:
        return None
    days = f"{others_to + dt.timedelta(days=1)} to {first - dt.timedelta(days=1)}"
    return f"no delivery holds an order of {days}: where there were any, deliver them before a month is told"


def _last_day(data_to: dt.date, others_to: dt.date | None) -> str:
    """How far the files reach: less far than former ones, so perhaps older; else whether their month is over."""
    from crm_platform.periods import Month

    if others_to and data_to < others_to:
        return (
            f"data to {data_to}, those of a former delivery to {others_to}: what these files say of an order stands "
            'from now on; where they are older, deliver the newer files once more with --again "why", or a new export'
        )
    last = Month.of(data_to).last_day
    if last == data_to:
        return f"data to {data_to}"
    return f"data to {data_to}: the month counts as unfinished; if the files cover all of it, say --data-to {last}"


def _counts(by_rule: Mapping[str, int]) -> str:
    return ", ".join(f"{rule} {count:,}" for rule, count in by_rule.items() if count)


def _say(line: str) -> None:
    out.print(line, highlight=False, markup=False)
