"""What the UI shows of an asset: its columns with meaning and unit, its rows, its origin, a picture."""

from __future__ import annotations

import base64
import json
import resource
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow.compute as pc

from crm_platform.orchestration.recipe import Recipe
from crm_platform.tables import Column, Table

if TYPE_CHECKING:
    from crm_platform.orchestration.client_month import ClientMonth
    from crm_platform.orchestration.client_month_asset import Made


def declared_metadata(recipe: Recipe) -> dict[str, Any]:
    """What holds for every month: grain, key, columns."""
    if recipe.table is None:
        return {}
    table = recipe.table
    return {"dagster/column_schema": column_schema(table), "grain": table.grain, "key": ", ".join(table.key)}


def column_schema(table: Table) -> dg.TableSchema:
    """The declaration as the UI's column schema."""
    return dg.TableSchema(columns=[_column(column, table) for column in table.columns])


def written_metadata(recipe: Recipe, made: Made) -> dict[str, Any]:
    """What holds for one month: rows, yen, file, digest, what it says, picture; made or kept."""
    provenance = made.at.data.lake.provenance(made.at.client.id, recipe.name, made.at.month)
    if provenance is None:
        return {"stored": False}
    metadata: dict[str, Any] = {
        "as_of": made.at.as_of.isoformat(),
        "recomputed": made.written is not None,
        "sha256": provenance.sha256,
        "made_from": dg.MetadataValue.json(dict(provenance.made_from.inputs)),
    }
    if recipe.table is not None:
        metadata["dagster/row_count"] = provenance.rows
    path = made.at.data.lake.root / made.at.client.id / recipe.name / provenance.file
    metadata |= {"path": dg.MetadataValue.path(str(path)), **_yen(recipe, made.at), **made.described}
    if made.written is not None:
        metadata |= {"seconds": round(made.seconds, 3), "peak_mib": peak_mib(), "why": "; ".join(made.why)}
    if made.picture is not None:
        metadata["picture"] = picture_metadata(made.picture)
    return metadata


def log_line(recipe: Recipe, client: str, made: Sequence[Made]) -> str:
    """What became of a client's months of a table, as JSON, for whoever gathers logs."""
    said = {
        "table": recipe.name,
        "client": client,
        "months": [str(made[0].at.month), str(made[-1].at.month)],
        "made": sum(one.written is not None for one in made),
        "kept": sum(one.written is None and not one.faults for one in made),
        "refused": sum(bool(one.faults) for one in made),
        "rows": sum(one.written.rows for one in made if one.written is not None),
        "seconds": round(sum(one.seconds for one in made if one.written is not None), 3),
        "peak_mib": peak_mib(),
        "why": next((list(one.why) for one in made if one.why), []),
    }
    return json.dumps(said)


def said_of_check(recipe: Recipe, made: Sequence[Made], broken: Sequence[Made]) -> dict[str, Any]:
    """What the UI shows of the check of a run's months: whose they are, and what became of them.

    The check belongs to no partition, so its history would not say whose each result is. The first reason stands as
    text, which needs no click, beside every failing rule.
    """
    metadata: dict[str, Any] = {"reason": spelled(recipe, broken)} if broken else {}
    metadata |= {
        "months_made": sum(one.written is not None for one in made),
        "months_kept": sum(one.written is None and not one.faults for one in made),
        "failing": [
            f"{one.at.client.id} {one.at.month} {f.column}: {f.rule} ({f.rows} rows)"
            for one in broken
            for f in one.faults
        ][:50],
    }
    return {"description": whose([one.at for one in made]), "metadata": metadata}


def spelled(recipe: Recipe, broken: Sequence[Made]) -> str:
    """Why the first of these months was not stored."""
    first = broken[0]
    fault = first.faults[0]
    return (
        f"{recipe.name} of {first.at.client.id} for {first.at.month} breaks its declaration and was not stored: "
        f"{fault.column}: {fault.rule}, {fault.rows} rows, for example {', '.join(fault.examples)} "
        f"({len(broken)} months in all)."
    )


def whose(months: Sequence[ClientMonth]) -> str:
    """The client and the months of a run, in order."""
    first, last = months[0], months[-1]
    return f"{first.client.id} {first.month}" + (f" to {last.month}" if first.month != last.month else "")


def peak_mib() -> int:
    """The most memory that this process has held so far: which step raised it, the course over a run's steps tells."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def picture_metadata(png: bytes) -> dg.MarkdownMetadataValue:
    """A PNG as the UI shows it, without a file beside it."""
    return dg.MetadataValue.md(f"![picture](data:image/png;base64,{base64.b64encode(png).decode()})")


def _yen(recipe: Recipe, at: ClientMonth) -> dict[str, int]:
    present = [name for name in ("ordered_jpy", "sales_jpy") if recipe.table and name in recipe.table]
    if recipe.table is None or not present:
        return {}
    columns = at.data.lake.read(at.client.id, recipe.table, at.month, present)
    return {name: pc.sum(columns[name]).as_py() or 0 for name in present}


def _column(column: Column, table: Table) -> dg.TableColumn:
    rules = [check.name for check in column.rules if check.name]
    constraints = dg.TableColumnConstraints(
        nullable=column.nullable, unique=table.key == (column.name,), other=[str(rule) for rule in rules]
    )
    unit = f" [{column.unit}]" if column.unit else ""
    return dg.TableColumn(column.name, str(column.type), f"{column.meaning}{unit}", constraints)
