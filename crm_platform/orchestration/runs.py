"""Runs without a daemon: what the command line calls. The UI shows them afterwards like any other run."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from crm_platform.clients import client_folder
from crm_platform.lake.files import write_whole
from crm_platform.orchestration.assets import EVERY_MONTH, MONTHS_ASKED_FOR, PREVIEW, PREVIEWED
from crm_platform.orchestration.assets.preview import preview_folder
from crm_platform.orchestration.automation.messages import Messages
from crm_platform.orchestration.automation.watches import tell_dead_runs
from crm_platform.orchestration.build import build_definitions
from crm_platform.orchestration.campaign_books import kept_since_campaign
from crm_platform.orchestration.client_month import ClientData, ClientMonth
from crm_platform.orchestration.dead_runs import process_tag
from crm_platform.orchestration.gates import refuse_blocked
from crm_platform.orchestration.jobs import analyse_month, backfill_facts, forecast_month, preview_month
from crm_platform.orchestration.partitions import partition_key, register_client
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.progress import LOGGER
from crm_platform.orchestration.reissue import reissue_segments
from crm_platform.orchestration.segment_books import refuse_reissue
from crm_platform.orchestration.since_passed import projects_folder
from crm_platform.orchestration.stale_months import span_tags, stale_spans
from crm_platform.orchestration.term_models import learn_anew
from crm_platform.periods import Month
from crm_platform.projects import Stage
from crm_platform.refusals import Refused
from crm_platform.reports import Wording
from crm_platform.reports.acceptance import test_totals_csv
from crm_platform.two_track.business import stopped_notice

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
Listener = Callable[[str], None]


@dataclass(kw_only=True)
class RunFailed(Refused):
    """A run came to no good end. Its problem may repeat an error, which may name a customer: none of that in messages.

    `steps`: those that failed.
    """

    run: dg.DagsterRun
    steps: tuple[str, ...]


@dataclass
class RunReport:
    """What a run did: months made and kept of each table, and where the deliverables are."""

    client: str
    month: Month
    deliverables: Path
    made: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    because: dict[str, tuple[str, ...]] = field(default_factory=dict)  # why the first month of each that was made
    notices: list[str] = field(default_factory=list)  # reports that were not made, and what was kept

    @property
    def recomputed(self) -> int:
        """Table-months that were made."""
        return sum(self.made.values())


def run_platform(
    platform: Platform,
    client_id: str,
    month: Month | None,
    instance: dg.DagsterInstance,
    listen: Listener,
    *,
    learn_because: str | None = None,
) -> RunReport:
    """Bring every month's facts up to date, then the analyses of `month`, by default the latest; keep what is current.

    With `learn_because`, a reason, the month's models are fitted anew inside a term, too (see `term_models`).

    Raises Refused where the client, its deliveries or the month are not there, a gate of its project blocks, or a step
    fails.
    """
    at = client_at(platform, client_id, month)
    refuse_blocked(at.data, Stage.PRODUCTION)
    if learn_because:
        _learn_anew(at, learn_because)
    report = RunReport(client_id, at.month, platform.outbox / client_id / str(at.month))
    with _reporting_to(report, listen):
        _make_facts(at.data, instance)
        if not all(asset.recipe.is_current(at) for asset in MONTHS_ASKED_FOR):
            _run_job(analyse_month.name, platform, instance, [at])
    _count_kept(report, at.data)
    report.notices.extend(notices_of(at.client.ordered_services, at.document("two_track_business")))
    report.notices.extend(filter(None, [kept_since_campaign(at)]))
    return report


def notices_of(ordered_services: Collection[str], case: Mapping[str, Any] | None) -> list[str]:
    """What a run has to tell beside its counts: why a report that was ordered is not there, by the stored case."""
    stopped = stopped_notice(case)
    return [f"no two-track report: {stopped}"] if stopped and "two_track" in ordered_services else []


def run_preview(
    platform: Platform, client_id: str, month: Month | None, instance: dg.DagsterInstance, listen: Listener
) -> Path:
    """Make the preview of `month` (プレビュープラン, R40), by default the latest, and return its folder.

    Every analysis is made as `run_platform` makes it, and no deliverable. Raises Refused as `run_platform` does.
    """
    at = bring_facts_up_to_date(platform, client_id, month, instance, listen)
    with _reporting_to(RunReport(client_id, at.month, platform.outbox), listen):
        if not PREVIEW.recipe.is_current(at) or not all(asset.recipe.is_current(at) for asset in PREVIEWED):
            _run_job(preview_month.name, platform, instance, [at])
    return preview_folder(at)


def reissue_and_run(
    platform: Platform,
    client_id: str,
    month: Month | None,
    reason: str,
    instance: dg.DagsterInstance,
    listen: Listener,
) -> RunReport:
    """Bring the month's forecasts up to date, issue another book from them, and make again what reads it (R51).

    Refused before anything is made where no book is in force or no reason is given.
    """
    data = ClientData(platform, platform.catalogue.load(client_id))
    at = data.at(month or data.months()[-1])
    at.refuse_outside_data()
    refuse_reissue(at, reason)
    bring_facts_up_to_date(platform, client_id, at.month, instance, listen)
    _learn_anew(at, reason)
    with _reporting_to(RunReport(client_id, at.month, platform.outbox), listen):
        _run_job(forecast_month.name, platform, instance, [at])
    listen(reissue_segments.name)
    config = {"ops": {"issue_another_book": {"config": {"reason": reason}}}}
    _run_job(reissue_segments.name, platform, instance, [at], config)
    return run_platform(platform, client_id, at.month, instance, listen)


def bring_facts_up_to_date(
    platform: Platform,
    client_id: str,
    month: Month | None,
    instance: dg.DagsterInstance,
    listen: Listener,
    stage: Stage = Stage.PRODUCTION,
) -> ClientMonth:
    """The client at `month`, by default the latest, with every month's facts as the deliveries now say; no analyses.

    Raises Refused as `run_platform` does; `stage`: of the project, to which what is asked for belongs.
    """
    at = client_at(platform, client_id, month)
    refuse_blocked(at.data, stage)
    with _reporting_to(RunReport(client_id, at.month, platform.outbox), listen):
        _make_facts(at.data, instance)
    return at


def make_test_totals(platform: Platform, client_id: str, instance: dg.DagsterInstance, listen: Listener) -> Path:
    """Write the test totals of every month (テスト集計, R39) as CSV for the client to look at, and return the file.

    Raises Refused as `run_platform` does, but needs the specification to be signed only.
    """
    at = bring_facts_up_to_date(platform, client_id, None, instance, listen, Stage.TEST_TOTALS)
    path = client_folder(projects_folder(platform), client_id) / "test_totals.csv"
    theirs = at.data.merged["control_totals"]
    wording, encoding = Wording.of(at.client.language), at.client.csv_encoding
    write_whole(path, test_totals_csv(at.past("order_lines"), theirs, wording, encoding))
    return path


def client_at(platform: Platform, client_id: str, month: Month | None) -> ClientMonth:
    """The client at the end of `month`, by default its latest with data; Refused where it has none then."""
    data = ClientData(platform, platform.catalogue.load(client_id))
    at = data.at(month or data.months()[-1])
    at.refuse_outside_data()
    return at


def _learn_anew(at: ClientMonth, reason: str) -> None:
    with at.data.lake.alone(at.client.id):
        learn_anew(at, reason)


def _make_facts(data: ClientData, instance: dg.DagsterInstance) -> None:
    tell_dead_runs(instance, Messages.of(data.platform))
    with data.lake.alone(data.client.id):
        data.lake.clear_left(data.client.id)
    register_client(instance, data.client.id)
    for span in stale_spans(data.at(month) for month in data.months()):
        _run_job(backfill_facts.name, data.platform, instance, span)


def _run_job(
    job: str,
    platform: Platform,
    instance: dg.DagsterInstance,
    span: Sequence[ClientMonth],
    config: Mapping[str, Any] | None = None,
) -> None:
    run_id = str(uuid.uuid4())
    result = (
        build_definitions(platform, automated=False)
        .resolve_job_def(job)
        .execute_in_process(
            partition_key=partition_key(span[0].client.id, span[0].month) if len(span) == 1 else None,
            instance=instance,
            run_id=run_id,
            tags={**span_tags(span), **process_tag(run_id)},
            run_config={**_QUIET, **(config or {})},
            raise_on_error=False,
        )
    )
    if not result.success:
        steps = tuple(str(event.step_key) for event in result.all_events if event.is_step_failure)
        remedy = f"See run {result.run_id} in the UI (make dev)."
        raise RunFailed(_first_failure(result), remedy, run=result.dagster_run, steps=steps)


def _first_failure(result: dg.ExecuteInProcessResult) -> str:
    for event in result.all_events:
        if event.is_step_failure:
            return f"step '{event.step_key}' failed: {_said(event.step_failure_data)}"
    return "the run failed before its first step."


def _said(failure: Any) -> str:
    """What a Failure says of itself, else the message of the innermost error."""
    if failure.user_failure_data and failure.user_failure_data.description:
        return str(failure.user_failure_data.description)
    error = failure.error
    if error and error.cls_name == dg.DagsterExecutionInterruptedError.__name__:  # which says no more
        return "it was ended from outside (SIGTERM, or Ctrl-C)."
    while error and error.cause:
        error = error.cause
    return error.message.strip() if error else "no reason given"


def _count_kept(report: RunReport, data: ClientData) -> None:
    for assets, months in ((EVERY_MONTH, len(data.months())), (MONTHS_ASKED_FOR, 1)):
        for asset in assets:
            report.kept[asset.recipe.name] = months - report.made.get(asset.recipe.name, 0)


@contextmanager
def _reporting_to(report: RunReport, listen: Listener) -> Iterator[None]:
    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            name = record.getMessage()
            report.made[name] = report.made.get(name, 0) + getattr(record, "months_made", 0)
            if why := getattr(record, "because", ()):
                report.because.setdefault(name, why)
            listen(name)

    handler = Handler()
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
