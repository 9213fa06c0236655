"""The one way in which a table-month becomes an asset: skip what is current, compute, hold against its rules, store.

A table that breaks its declaration is not stored: the blocking check fails, and the run stops before anything is made
from it.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import dagster as dg
import ibis
import pyarrow as pa

from crm_platform.lake import MadeFrom, Written
from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.orchestration.code_digest import code_digest
from crm_platform.orchestration.further_checks import FurtherChecks, Verdict
from crm_platform.orchestration.gates import refuse_blocked, stage_of
from crm_platform.orchestration.metadata import declared_metadata, log_line, said_of_check, spelled, written_metadata
from crm_platform.orchestration.partitions import (
    client_months,
    client_of_run,
    months_up_to,
    partition_key,
    read_keys,
    refuse_lost_months,
    same_month,
)
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.progress import report_progress
from crm_platform.orchestration.recipe import Reads, Recipe
from crm_platform.refusals import Refused
from crm_platform.tables import Fault

OWNERS = ["team:data-engineering"]
CHECK = "obeys_declaration"
# Of any client: whose month is late is what `automation/watches.py` tells.
_REFRESHED_MONTHLY = dg.FreshnessPolicy.time_window(
    warn_window=dt.timedelta(days=35), fail_window=dt.timedelta(days=45)
)
# Not given to the assets: Dagster's own policy tries a step again that was ended from outside, too.
_DISK_MAY_RECOVER = dg.RetryPolicy(max_retries=2, delay=2, backoff=dg.Backoff.EXPONENTIAL)

Content = Any  # pa.Table or ibis.Table for a table, plain JSON for a document
Compute = Callable[[ClientMonth], Content]
ComputeSpan = Callable[[Sequence[ClientMonth]], Mapping[ClientMonth, pa.Table]]
Conserve = Callable[[ClientMonth, pa.Table], list[Fault]]
Picture = Callable[[ClientMonth, Content], bytes | None]
Describe = Callable[[ClientMonth, Content], dict[str, Any]]


@dataclass(frozen=True)
class Shown:
    """What is held against a month's content, and what the UI shows of it."""

    conserve: Conserve | None = None
    picture: Picture | None = None
    describe: Describe | None = None
    checks: FurtherChecks | None = None

    def of(self, at: ClientMonth, content: Content) -> tuple[bytes | None, dict[str, Any], Mapping[str, Verdict]]:
        """The month's picture, description and verdicts."""
        picture = self.picture(at, content) if self.picture else None
        verdicts = self.checks.verdicts(at, content) if self.checks else {}
        return picture, self.describe(at, content) if self.describe else {}, verdicts


@dataclass(frozen=True)
class ClientMonthAsset:
    """A recipe, and the Dagster asset that follows it."""

    recipe: Recipe
    definition: dg.AssetsDefinition


@dataclass(frozen=True)
class Stale:
    """What a month that must be made will have been made from, and why it must."""

    made_from: MadeFrom
    why: Sequence[str]


@dataclass(frozen=True)
class Made:
    """What became of one table-month."""

    at: ClientMonth
    written: Written | None  # None where the stored month was kept, or nothing could be stored
    faults: Sequence[Fault] = ()
    picture: bytes | None = None
    described: Mapping[str, Any] = field(default_factory=dict)
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    seconds: float = 0.0
    why: Sequence[str] = ()


def client_month_asset(
    recipe: Recipe,
    *,
    conserve: Conserve | None = None,
    picture: Picture | None = None,
    describe: Describe | None = None,
    checks: FurtherChecks | None = None,
) -> Callable[[Compute], ClientMonthAsset]:
    """Declare an asset whose body makes one client's month. Its docstring is what the UI shows."""

    def span(compute: Compute) -> ComputeSpan:
        return lambda months: {at: compute(at) for at in months}

    shown = Shown(conserve, picture, describe, checks)
    return lambda compute: _declare(recipe, span(compute), compute.__doc__, shown, at_once=False)


def client_months_asset(
    recipe: Recipe, *, conserve: Conserve | None = None, picture: Picture | None = None
) -> Callable[[ComputeSpan], ClientMonthAsset]:
    """The same for a body that makes many months of a client at once, because one pass over them is cheaper."""
    shown = Shown(conserve, picture)
    return lambda compute: _declare(recipe, compute, compute.__doc__, shown, at_once=True)


def _declare(
    recipe: Recipe,
    compute: ComputeSpan,
    meaning: str | None,
    shown: Shown,
    *,
    at_once: bool,
) -> ClientMonthAsset:
    @dg.asset(
        name=recipe.name,
        group_name=recipe.chapter,
        description=meaning,
        partitions_def=client_months,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[dg.AssetDep(name, partition_mapping=_MAPPINGS[reads]) for name, reads in recipe.reads.items()],
        metadata=declared_metadata(recipe),
        owners=OWNERS,
        freshness_policy=_REFRESHED_MONTHLY,
        kinds={"duckdb", "parquet"} if recipe.table else {"python", "json"},
        code_version=code_digest(recipe.chapter)[:12],
        check_specs=[
            dg.AssetCheckSpec(CHECK, asset=recipe.name, blocking=True, description=_CHECK_MEANING),
            *(shown.checks.specs(recipe.name) if shown.checks else []),
        ],
    )
    def client_month_table(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        with _trying_again(context):
            every = read_keys(context.partition_keys)
            refuse_lost_months(context.run.tags, every)
            client = client_of_run(every)
            data = ClientData(platform, platform.catalogue.load(client))
            refuse_blocked(data, stage_of(recipe.chapter, recipe.name))
            months = [data.at(key.month) for key in every]
            batches = [months] if at_once else [[at] for at in months]
            with platform.lake.alone(client):  # a run from the UI and one from the command line may meet
                made = list(_make(recipe, batches, compute, shown))
            for one in made:
                key = partition_key(one.at.client.id, one.at.month)
                context.add_asset_metadata(written_metadata(recipe, one), partition_key=key)
            context.log.info(log_line(recipe, client, made))
            broken = [one for one in made if one.faults]
            said = said_of_check(recipe, made, broken)
            if broken:
                yield _failed_check(recipe.name, said)
                raise dg.Failure(spelled(recipe, broken), allow_retries=False)
            yield dg.AssetCheckResult(check_name=CHECK, asset_key=recipe.name, passed=True, **said)
            if shown.checks:
                yield from shown.checks.results(recipe.name, [(one.at, one.verdicts) for one in made])
            yield dg.MaterializeResult()

    return ClientMonthAsset(recipe, client_month_table)


@contextmanager
def _trying_again(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Let a step be tried again, since a busy disk may recover.

    Not where it is refused or breaks its declaration, which would not change, nor where it is ended from outside.
    """
    try:
        yield
    except Refused as refused:
        raise dg.Failure(str(refused), allow_retries=False) from refused
    except (dg.Failure, dg.DagsterError):
        raise
    except Exception as error:
        seconds = _DISK_MAY_RECOVER.calculate_delay(context.retry_number + 1)
        raise dg.RetryRequested(_DISK_MAY_RECOVER.max_retries, seconds) from error


_CHECK_MEANING = "Every rule of the table's declaration, and that no row and no yen is lost; blocks what is downstream"
_MAPPINGS = {Reads.SAME_MONTH: same_month, Reads.UP_TO_MONTH: months_up_to}


def _make(
    recipe: Recipe,
    batches: Sequence[Sequence[ClientMonth]],
    compute: ComputeSpan,
    shown: Shown,
) -> Iterator[Made]:
    kept, because = 0, list[Sequence[str]]()
    for data in {at.data for batch in batches for at in batch}:
        data.lake.clear_left(data.client.id, recipe.name)
    for batch in batches:
        # Asked before computing: what changes meanwhile must look stale to the next run.
        stale = {at: Stale(recipe.made_from(at), why) for at in batch if (why := recipe.why_stale(at))}
        because += [each.why for each in stale.values()]
        started = time.perf_counter()
        carried = _carried(recipe, stale)
        learned = [at for at in stale if at not in carried]
        contents = {**carried, **(compute(learned) if learned else {})}
        seconds = (time.perf_counter() - started) / max(len(stale), 1)
        for at in batch:
            if at in contents:
                made = _store(recipe, at, stale[at].made_from, contents[at], shown, seconds)
                yield replace(made, why=stale[at].why)
            else:
                kept += 1
                yield _kept(recipe, at, shown)
    for data, name in product({at.data for batch in batches for at in batch}, recipe.for_good):
        data.lake.seal(data.client.id, name)
    made_months = sum(map(len, batches)) - kept
    report_progress(recipe.name, made=made_months, kept=kept, why=because[0] if because else ())


def _carried(recipe: Recipe, stale: Iterable[ClientMonth]) -> dict[ClientMonth, Content]:
    """What holds for the term, each as it stands at its month."""
    if recipe.carry is None:
        return {}
    held = {at: at.data.at(month) for at in stale if (month := recipe.held_month(at)) is not None}
    return {at: recipe.carry(at, _content(recipe, began)) for at, began in held.items()}


def _content(recipe: Recipe, at: ClientMonth) -> Content:
    """What is stored of the month."""
    return at.document(recipe.name) if recipe.table is None else at.arrow(recipe.name)


def _store(
    recipe: Recipe, at: ClientMonth, made_from: MadeFrom, content: Content, shown: Shown, seconds: float
) -> Made:
    lake = at.data.lake
    if recipe.table is None:
        written = lake.write_document(at.client.id, recipe.name, at.month, content, made_from)
        return Made(at, written, (), *shown.of(at, content), seconds)
    rows = recipe.table.cast(content.to_pyarrow() if isinstance(content, ibis.Table) else content)
    faults = recipe.table.faults(rows) + (shown.conserve(at, rows) if shown.conserve else [])
    if faults:
        return Made(at, None, faults)
    written = lake.write(at.client.id, recipe.table, at.month, rows, made_from)
    return Made(at, written, (), *shown.of(at, rows), seconds)


def _kept(recipe: Recipe, at: ClientMonth, shown: Shown) -> Made:
    """A month that was kept, shown as it was when it was made."""
    stored = at.data.lake.provenance(at.client.id, recipe.name, at.month) is not None
    if not stored or not (shown.picture or shown.describe or shown.checks):
        return Made(at, None)
    return Made(at, None, (), *shown.of(at, _content(recipe, at)))


def _failed_check(asset: str, said: Mapping[str, Any]) -> dg.AssetCheckEvaluation:
    """The failure as the UI shows it, whichever client's month was made last.

    Of an AssetCheckResult Dagster notes the stored version of the month, takes that for outdated as soon as another
    month of the asset is newer, and shows "not evaluated".
    """
    key = dg.AssetKey(asset)
    return dg.AssetCheckEvaluation(asset_key=key, check_name=CHECK, passed=False, blocking=True, **said)
