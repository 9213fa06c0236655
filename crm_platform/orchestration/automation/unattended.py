"""A command that fails while nobody sits before it, under cron say, tells so by the same messages as the daemon."""

from __future__ import annotations

from crm_platform.orchestration.automation.deliveries_arrived import client_refused
from crm_platform.orchestration.automation.messages import Message, Messages
from crm_platform.orchestration.automation.watches import failure_of
from crm_platform.orchestration.platform import Platform
from crm_platform.orchestration.runs import RunFailed
from crm_platform.refusals import Refused


def tell_failure(platform: Platform, client_id: str, error: Refused | OSError | KeyboardInterrupt) -> list[str]:
    """One message of what a command failed of; returns the ways by which it could not go yet, with the reason.

    None of a client that is not in the catalogue: its name was mistyped. The sensor `run_failed` tells of runs that the
    daemon launched, and of none that a command makes, so nothing is told twice.
    """
    if client_id not in platform.catalogue.ids():
        return []
    return Messages.of(platform).tell(_message(client_id, error))


def _message(client_id: str, error: Refused | OSError | KeyboardInterrupt) -> Message:
    if isinstance(error, KeyboardInterrupt):
        what_to_do = "What was finished is kept; call it again."
        return Message("run_failed", "A command was ended from outside, between its runs.", what_to_do, client_id)
    if isinstance(error, RunFailed):
        return failure_of(error.run, list(error.steps))
    return client_refused(client_id, error)
