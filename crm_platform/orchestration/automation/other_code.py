"""The door before every run that a daemon asks for: whether the code in its memory is still the one installed.

Runs are new processes and go by the installed code: to another version in memory what they make looks outdated.
"""

from __future__ import annotations

import threading

from crm_platform.orchestration import code_digest
from crm_platform.orchestration.automation.messages import Message, Messages

_OTHER_CODE = Message(
    "code_changed",
    "Another version of the code was installed since this daemon began: it asks for nothing of itself until restarted.",
    "Stop the daemon (make dev) and start it again.",
)
_TOLD: set[str] = set()  # versions; a restart, which ends the wait, forgets them with the process
_ONE_AT_A_TIME = threading.Lock()  # sensors tick side by side


def is_other_code_installed() -> bool:
    """Whether another version was installed since this process began."""
    return code_digest.installed_code() != code_digest.LOADED_CODE


def waits_for_restart(messages: Messages) -> str | None:
    """Why a sensor asks for nothing, told once of each version by whichever is the first; None where it may ask."""
    installed = code_digest.installed_code()
    with _ONE_AT_A_TIME:
        if installed == code_digest.LOADED_CODE:
            _TOLD.clear()
            return None
        if installed not in _TOLD:
            messages.tell(_OTHER_CODE)
        _TOLD.add(installed)
    return f"{_OTHER_CODE.text} {_OTHER_CODE.what_to_do}"
