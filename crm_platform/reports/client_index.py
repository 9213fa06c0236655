"""The index of a client's outbox (目次): every month that was delivered, what is new in it, what each file is for.

It is read off the months' manifests, and the latest month's quote, so that a month taken away is no longer in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crm_platform.clients import client_folder
from crm_platform.lake import digest_of
from crm_platform.periods import Month
from crm_platform.reports.glyphs import legible
from crm_platform.reports.listed_fees import Fees, listed_fees, quote_in_outbox
from crm_platform.reports.listed_files import Files, Listed, listed_folders, name_of, state_of
from crm_platform.reports.manifest import FILE_NAME
from crm_platform.reports.wording import Wording

INDEX_NAME = "index.html"


@dataclass(frozen=True)
class MonthListed:
    """One month; `problem` alone where its manifest cannot be read. `fees` are those of the latest month."""

    month: str
    name: str
    facts: tuple[str, ...] = ()
    news: tuple[str, ...] = ()
    not_included: tuple[tuple[str, str], ...] = ()  # deliverable, reason
    stages: tuple[tuple[str, str], ...] = ()  # of the client's project, and how far they are
    folders: tuple[Listed, ...] = ()
    fees: Fees | None = None
    problem: str = ""


@dataclass(frozen=True)
class ClientIndex:
    """All months of a client, the newest first."""

    client: str
    months: tuple[MonthListed, ...]
    wording: Wording


def manifests_of(outbox: Path, client_id: str) -> dict[str, bytes]:
    """The manifest of each month in the client's outbox as it lies there, the newest first."""
    folder = client_folder(outbox, client_id)
    months = sorted(
        (path.parent for path in folder.glob(f"*/{FILE_NAME}") if _is_month(path.parent.name)), reverse=True
    )
    return {month.name: (month / FILE_NAME).read_bytes() for month in months}


def latest_quote(outbox: Path, client_id: str) -> bytes | None:
    """`quote.json` of the latest month in the client's outbox; None where it holds none."""
    months = manifests_of(outbox, client_id)
    return quote_in_outbox(outbox, client_id, max(months)) if months else None


def index_of_outbox(outbox: Path, client_id: str, client: str, wording: Wording) -> ClientIndex:
    """The index of the client with the name `client`, of all that lies in its outbox now."""
    return client_index(client, manifests_of(outbox, client_id), wording, latest_quote(outbox, client_id))


def manifests_digest(manifests: Mapping[str, bytes]) -> str:
    """One digest of all manifests: another one means another index."""
    return digest_of({month: digest_of(content) for month, content in manifests.items()})


def client_index(client: str, manifests: Mapping[str, bytes], wording: Wording, quote: bytes | None) -> ClientIndex:
    """The index of the client with this name, from its manifests by month (`manifests_of`).

    `quote` is the `quote.json` of the latest month, whose fees are shown; None where there is none.
    """
    read = {month: _read(content) for month, content in sorted(manifests.items(), reverse=True)}
    months = [_month(month, read, wording) for month in read]
    latest = next(iter(read.values()), None)
    if latest:
        months[0] = replace(months[0], fees=listed_fees(latest["files"], quote, wording))
    return ClientIndex(legible(client)[0], tuple(months), wording)


def _is_month(name: str) -> bool:
    try:
        return str(Month.parse(name)) == name
    except ValueError:
        return False


def _read(content: bytes) -> dict[str, Any] | None:
    """A manifest; None where it is damaged."""
    try:
        document = json.loads(content)
        return document if isinstance(document["files"], dict) and document["last_month"] else None
    except (ValueError, LookupError, TypeError):
        return None


def _month(month: str, read: Mapping[str, dict[str, Any] | None], words: Wording) -> MonthListed:
    document, name = read[month], words.formatted(month, "month")
    if document is None:
        return MonthListed(month, name, problem=words.text("client_index.unreadable"))
    former_month = max((other for other, said in read.items() if other < month and said), default=None)
    former = read[former_month] if former_month else None
    files, before = _with_itself(document), _with_itself(former) if former else {}
    return MonthListed(
        month,
        name,
        facts=_facts(document, words),
        news=_news(files, before, former_month, words),
        not_included=_not_included(document, words),
        stages=_stages(document, words),
        folders=listed_folders(month, files, before, words),
    )


def _with_itself(document: Mapping[str, Any]) -> Files:
    """The files of a month, the manifest among them, which cannot list itself."""
    itself = {"sha256": digest_of(document), "rows": None}
    return {**document["files"], FILE_NAME: itself}


# --- what is told of a month ------------------------------------------------------------------------------------------


def _facts(document: Mapping[str, Any], words: Wording) -> tuple[str, ...]:
    """Months of data, term of the segments, specification, days of delivery: as far as the manifest has them."""
    book, project = document.get("segment_book"), document.get("project") or {}
    month, same = document["last_month"], document.get("same_spec")
    numbers = {"first": document["first_month"], "last": month, "months": document["months"]}
    facts = [words.filled("client_index.data", numbers)]
    if book:
        facts.append(words.filled("client_index.segments", {"from": book["valid_from"], "to": book["valid_to"]}))
    if same is not None:
        facts.append(words.text(f"client_index.spec_{'same' if same else 'differs'}"))
    days = [one["delivered_on"] for one in project.get("deliveries", ()) if one["month"] == month]
    return (*facts, *(words.text("client_index.delivered", on=day) for day in days))


def _news(files: Files, before: Files, former_month: str | None, words: Wording) -> tuple[str, ...]:
    """What is new since the month before (前回との違い), counted in files, and what is no longer there."""
    if former_month is None:
        return (words.text("client_index.first", files=len(files)),)
    states = [state_of({path: one}, before) for path, one in files.items()]
    counts = {state: states.count(state) for state in ("new", "changed", "same")}
    gone = sorted({name_of(path, words) for path in before if path not in files})
    told = words.filled("client_index.since", {"month": former_month, **counts})
    between = words.text("client_index.between")
    return (told, words.text("client_index.gone", names=between.join(gone))) if gone else (told,)


def _not_included(document: Mapping[str, Any], words: Wording) -> tuple[tuple[str, str], ...]:
    """What the data do not give (left out) and what a gate holds back (withheld), each with its reason."""
    left_out = [(path, str(why["sentence"])) for path, why in sorted(document.get("left_out", {}).items())]
    withheld = [(path, _waits(document, str(why), words)) for path, why in sorted(document.get("withheld", {}).items())]
    return tuple((name_of(path, words), legible(why)[0]) for path, why in (*left_out, *withheld))


def _waits(document: Mapping[str, Any], recorded: str, words: Wording) -> str:
    """Which stage of the project is waited for; the reason as it was recorded where the manifest names no stage."""
    is_open = (document.get("project") or {}).get("open", {})
    stages = [stage for stage in _known_stages(words) if stage in is_open]
    if not stages:
        return words.text("client_index.recorded", reason=recorded)
    return words.text("client_index.waits", stage=words.text(f"client_index.stages.{stages[0]}"))


def _stages(document: Mapping[str, Any], words: Wording) -> tuple[tuple[str, str], ...]:
    """The stages of the project (仕様確認, 検収, 本番分析, 可能性検討): done on which day, or to be confirmed."""
    project = document.get("project") or {}
    passed = {one["stage"]: one["on"] for one in project.get("gates", ())}
    is_open, told = project.get("open", {}), []
    for stage in _known_stages(words):
        if stage in is_open:
            told.append((words.text(f"client_index.stages.{stage}"), words.text("client_index.is_open")))
        elif stage in passed:
            done = words.text("client_index.passed", on=passed[stage])
            told.append((words.text(f"client_index.stages.{stage}"), done))
    return tuple(told)


def _known_stages(words: Wording) -> list[str]:
    prefix = "client_index.stages."
    return [key.removeprefix(prefix) for key in words.texts if key.startswith(prefix)]
