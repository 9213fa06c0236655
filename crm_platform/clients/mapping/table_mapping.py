"""What a client's TOML says of one table: `[tables.<table>]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from crm_platform.clients.mapping.sources import Source

OPTIONAL_TABLES = ("subscription_events", "contacts", "contact_overrides", "control_totals")
DELIVERED_TABLES = ("products", "customers", "media", "order_lines", *OPTIONAL_TABLES)
ENCODINGS = ("utf-8", "utf-8-sig", "cp932", "shift_jis", "euc_jp", "iso2022_jp", "utf-16", "latin-1")
DELIMITERS = ("\t", ",", ";", "|")


@dataclass(frozen=True)
class SetAside:
    """A named rule by which rows are left out on purpose; exactly one of the four conditions is set."""

    rule: str
    header: str
    empty: bool = False
    matching: str | None = None
    not_matching: str | None = None
    one_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class FillDown:
    """Columns that a cart fills on the first row of an order only; `within` holds the order's number on every row."""

    within: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class SplitRows:
    """A row whose column lists several products becomes a row for each; `first_only` columns count on the first."""

    header: str
    separator: str
    first_only: tuple[str, ...] = ()


@dataclass(frozen=True)
class OrderDiscount:
    """A discount of the whole order, spread over its lines; exactly one of `header`, `total`, `set_aside` is set.

    `header`: its amount. `total`: what is left of the lines' sum. `set_aside`: the rule that takes its rows out.
    """

    header: str | None = None
    total: str | None = None
    set_aside: str | None = None
    divided_by: Decimal | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """The delivered headers that it needs."""
        return tuple(header for header in (self.header, self.total) if header is not None)


@dataclass(frozen=True)
class BulkLines:
    """One-off lines that are まとめ売り (R24): so many pieces at so large a discount, where no column tells."""

    least_quantity: int = 3
    least_discount_rate: float = 0.1


@dataclass(frozen=True)
class TableMapping:
    """What the client says of one table; `columns` is None where it delivers the standard layout (R10).

    `derived_columns`: text columns of a derived master by the header of the order lines. `own_columns`: with a preset,
    the columns that the client's own file names; of the preset's other columns those may be missing that a table can do
    without.
    """

    table: str
    file: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    columns: Mapping[str, Source] | None = None
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    set_aside: tuple[SetAside, ...] = ()
    fill_down: FillDown | None = None
    split_rows: SplitRows | None = None
    order_discount: OrderDiscount | None = None
    bulk: BulkLines | None = None
    drop: tuple[str, ...] = ()
    derived_from: str | None = None
    derived_columns: Mapping[str, str] = field(default_factory=dict)
    include_set_aside: bool = False
    absent: bool = False
    differences: str = "orders"  # a later delivery brings whole orders, or single lines of them
    preset: str | None = None
    own_columns: frozenset[str] = frozenset()

    def may_be_missing(self, target: str) -> bool:
        """Whether the file may lack the headers of this column: carts let a shop switch columns off."""
        return self.preset is not None and target not in self.own_columns
