"""Which services a client has ordered (R42): what is handed over, each without the others."""

from __future__ import annotations

from typing import Any

from crm_platform.refusals import Refused

SERVICES = ("second_opinion", "shopping_alert", "portfolio", "two_track")  # each a folder of the deliverables


def services_from_toml(values: Any, file: str) -> tuple[str, ...]:
    """The `[services]` table: `ordered`, names of SERVICES in any order; all of them where it is not written.

    Refused names what is unknown, named twice or empty.
    """
    if not isinstance(values, dict) or not set(values) <= {"ordered"}:
        raise Refused("the services say what is not known here.", "Write ordered.", file=file, column="services")
    ordered = values.get("ordered", list(SERVICES))
    is_known = isinstance(ordered, list) and all(isinstance(one, str) and one in SERVICES for one in ordered)
    if not is_known or not ordered or len(set(ordered)) < len(ordered):
        remedy = f"Write ordered = [...] with {', '.join(SERVICES)}, each once, or leave it out: then all are given."
        raise Refused(f"the services ordered are {ordered!r}.", remedy, file=file, column="services.ordered")
    return tuple(service for service in SERVICES if service in ordered)
