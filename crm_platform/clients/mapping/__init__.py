"""How a client's files become the platform's tables: `[admission]`, `[personal_data]` and `[tables.*]` of its TOML.

A mapping may rename, cast, decode and map codes (R08). Joining, splitting, setting rows aside, spreading an amount over
an order and deriving a table are processing (加工, R09); they are possible, named, counted and listed on the estimate.
Belongs here: the words and what they mean. Does not: carrying them out, which `intake` does.
"""

from crm_platform.clients.mapping.presets import PRESETS, with_preset
from crm_platform.clients.mapping.rules import (
    TOLERATED_BAD_ROW_RATE,
    IntakeRules,
    PersonalDataPolicy,
    parse_intake_rules,
)
from crm_platform.clients.mapping.sources import (
    ByCases,
    Case,
    Constant,
    FirstFilled,
    FromColumn,
    Joined,
    KeyedHash,
    NumberWithin,
    Part,
    Source,
    hashed_header,
)
from crm_platform.clients.mapping.table_mapping import (
    DELIMITERS,
    DELIVERED_TABLES,
    ENCODINGS,
    OPTIONAL_TABLES,
    BulkLines,
    FillDown,
    OrderDiscount,
    SetAside,
    SplitRows,
    TableMapping,
)

__all__ = [
    "DELIMITERS",
    "DELIVERED_TABLES",
    "ENCODINGS",
    "OPTIONAL_TABLES",
    "PRESETS",
    "TOLERATED_BAD_ROW_RATE",
    "BulkLines",
    "ByCases",
    "Case",
    "Constant",
    "FillDown",
    "FirstFilled",
    "FromColumn",
    "IntakeRules",
    "Joined",
    "KeyedHash",
    "NumberWithin",
    "OrderDiscount",
    "Part",
    "PersonalDataPolicy",
    "SetAside",
    "Source",
    "SplitRows",
    "TableMapping",
    "hashed_header",
    "parse_intake_rules",
    "with_preset",
]
