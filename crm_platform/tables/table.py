"""What a table is: its declaration, and the Arrow and pandera schemas that follow from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:  # loaded only where rows are judged: a report needs the declarations, not 70 MiB of pandas
    import pandas as pd
    import pandera.pandas as pandera

TEXT = pa.string()
WHOLE = pa.int64()
REAL = pa.float64()
FLAG = pa.bool_()
DAY = pa.date32()
INSTANT = pa.timestamp("s")


@dataclass(frozen=True)
class Column:
    """One column: its Arrow type, its meaning in words, its unit, and the rules that every value obeys."""

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    required: bool = False  # a delivery without it is refused; elsewhere: never null
    nullable: bool = True
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    references: str = ""  # the master whose key this is; a row that names none of its rows is not admitted, if required

    @property
    def rules(self) -> list[pandera.Check]:
        """The pandera checks of this column."""
        import pandera.pandas as pandera  # noqa: PLC0415  as above

        checks = []
        if self.allowed:
            checks.append(pandera.Check.isin(self.allowed, name=f"one of {', '.join(self.allowed)}"))
        if self.minimum is not None:
            checks.append(pandera.Check.ge(self.minimum, name=f"at least {self.minimum:g}"))
        if self.maximum is not None:
            checks.append(pandera.Check.le(self.maximum, name=f"at most {self.maximum:g}"))
        return checks


@dataclass(frozen=True)
class Fault:
    """A rule that rows of a table break: how many, and the first values that do."""

    column: str
    rule: str
    rows: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table: grain, key, columns. Every schema that the platform uses is derived from this one declaration."""

    name: str
    grain: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def __getitem__(self, column: str) -> Column:
        return self._by_name[column]

    def __contains__(self, column: str) -> bool:
        return column in self._by_name

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @property
    def names(self) -> list[str]:
        """The column names, in order."""
        return [column.name for column in self.columns]

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema in which the table rests."""
        return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns])

    @cached_property
    def pandera_schema(self) -> pandera.DataFrameSchema:
        """The pandera schema: types, nulls, rules and the key's uniqueness."""
        import pandas as pd  # noqa: PLC0415  as above
        import pandera.pandas as pandera  # noqa: PLC0415  as above

        columns = {c.name: pandera.Column(pd.ArrowDtype(c.type), c.rules, nullable=c.nullable) for c in self.columns}
        return pandera.DataFrameSchema(columns, unique=list(self.key), strict=True, ordered=True, name=self.name)

    def empty(self) -> pa.Table:
        """The table without a row."""
        return self.arrow_schema.empty_table()

    def cast(self, rows: pa.Table) -> pa.Table:
        """`rows` in this table's columns, order and types, sorted by key; ValueError names what is missing."""
        missing = [name for name in self.names if name not in rows.column_names]
        if missing:
            raise ValueError(f"table '{self.name}' lacks the columns {', '.join(missing)}")
        cast = pa.Table.from_arrays([rows[c.name].cast(c.type) for c in self.columns], schema=self.arrow_schema)
        in_order = cast if self._is_in_order(cast) else cast.sort_by([(name, "ascending") for name in self.key])
        return in_order.combine_chunks()

    def _is_in_order(self, rows: pa.Table) -> bool:
        """Whether the keys already ascend, as those of most exports do; sorting copies every column."""
        tied = pa.scalar(True)
        for name in self.key:
            values = rows[name].combine_chunks()
            before, after = values[:-1], values[1:]
            if values.null_count or pc.any(pc.and_(tied, pc.greater(before, after))).as_py():
                return False
            tied = pc.and_(tied, pc.equal(before, after))
        return True

    def from_pandas(self, frame: pd.DataFrame) -> pa.Table:
        """`frame` as this table; NaN in a nullable column becomes null."""
        arrays = {c.name: pa.Array.from_pandas(frame[c.name], type=c.type) for c in self.columns}
        return self.cast(pa.table(arrays))

    def from_columns(self, columns: Mapping[str, Any]) -> pa.Table:
        """Arrays by column name as this table; a nullable column left out is null throughout."""
        rows = len(next(iter(columns.values())))
        arrays = {c.name: columns[c.name] if c.name in columns else pa.nulls(rows, c.type) for c in self.columns}
        return self.cast(pa.table(arrays))

    def faults(self, rows: pa.Table) -> list[Fault]:
        """Every rule of the declaration that `rows` break; empty when the table is sound."""
        import pandas as pd  # noqa: PLC0415  as above
        from pandera.errors import SchemaErrors  # noqa: PLC0415  as above

        frame = rows.to_pandas(types_mapper=pd.ArrowDtype)
        try:
            self.pandera_schema.validate(frame, lazy=True)
        except SchemaErrors as errors:
            return list(_faults_of(errors.failure_cases))
        return []


def _faults_of(cases: pd.DataFrame) -> Iterable[Fault]:
    for (column, rule), group in cases.groupby(["column", "check"], dropna=False, sort=True):
        examples = tuple(str(value) for value in group["failure_case"].head(3))
        yield Fault(str(column), str(rule), len(group), examples)


# --- the kinds of column that the declarations speak of ---------------------------------------------------------------


def key(name: str, meaning: str) -> Column:
    """An identifier that is part of the key."""
    return Column(name, TEXT, meaning, required=True, nullable=False)


def text(name: str, meaning: str, *, allowed: tuple[str, ...] = (), nullable: bool = True) -> Column:
    """A text, from a closed list where `allowed` is given."""
    return Column(name, TEXT, meaning, allowed=allowed, nullable=nullable)


def yen(name: str, meaning: str, *, nullable: bool = False, minimum: float | None = None) -> Column:
    """Whole yen, tax excluded."""
    return Column(name, WHOLE, meaning, unit="JPY", nullable=nullable, minimum=minimum)


def count(name: str, meaning: str, *, nullable: bool = False, minimum: float | None = 0) -> Column:
    """How many."""
    return Column(name, WHOLE, meaning, unit="count", nullable=nullable, minimum=minimum)


def days(name: str, meaning: str, *, nullable: bool = False, minimum: float | None = 0) -> Column:
    """A number of days."""
    return Column(name, WHOLE, meaning, unit="days", nullable=nullable, minimum=minimum)


def day(name: str, meaning: str, *, nullable: bool = True) -> Column:
    """A calendar day."""
    return Column(name, DAY, meaning, unit="date", nullable=nullable)


def rate(name: str, meaning: str, *, nullable: bool = False) -> Column:
    """A share between 0 and 1."""
    return Column(name, REAL, meaning, unit="share", nullable=nullable, minimum=0, maximum=1)


def real(name: str, meaning: str, unit: str, *, nullable: bool = False, minimum: float | None = None) -> Column:
    """A real number in `unit`."""
    return Column(name, REAL, meaning, unit=unit, nullable=nullable, minimum=minimum)


def flag(name: str, meaning: str, *, nullable: bool = True) -> Column:
    """True or false."""
    return Column(name, FLAG, meaning, unit="flag", nullable=nullable)
