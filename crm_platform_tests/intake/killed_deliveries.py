"""A process that is killed in the middle of a delivery, at a chosen call: run as a program by the test of it.

It imports everything once and then forks, so that every death costs milliseconds. Calls of functions are counted, not
time: the same number dies at the same place.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from crm_platform.intake import accept_delivery
from crm_platform.intake.keeping.acceptance import put_in_inbox, read_admitted
from crm_platform_tests.intake.deliveries import LINE_HEADERS, TODAY, client_with, delivery, file_of, line

FORMER = delivery([line(f"A{n}") for n in range(40)])
LATER = [file_of("order_lines.tsv", [LINE_HEADERS, *[line(f"A{n}", 状態="返品") for n in range(30, 60)]])]
MAPPED_ANEW = client_with({"tables": {"order_lines": {"codes": {"status": {"返品": "cancelled"}}}}})
# under which the former delivery is examined again, and kept, before the later one is stored


def deliver(inbox: Path) -> None:
    """The delivery that dies."""
    accept_delivery(inbox, MAPPED_ANEW, LATER, today=TODAY)


class Calls:
    """Counts the calls of functions; the process ends at call `last`. `spans`: first and last call of what writes."""

    def __init__(self, last: int | None = None):
        self.count, self.last, self.spans = 0, last, dict[str, list[int]]()
        self._watched = {function.__code__: function.__name__ for function in (read_admitted, put_in_inbox)}

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)
        if frame.f_code in self._watched and event in {"call", "return"}:
            self.spans.setdefault(self._watched[frame.f_code], []).append(self.count)


def count(inbox: Path) -> dict[str, list[int]]:
    """An undisturbed delivery; returns the calls of the whole and of its two parts that write."""
    calls = Calls()
    sys.setprofile(calls)
    deliver(inbox)
    sys.setprofile(None)
    return {"whole": [1, calls.count], **calls.spans}


def kill_at(inbox: Path, call: int) -> bool:
    """Deliver in a process of its own that is killed at this call; whether it was."""
    child = os.fork()
    if child == 0:
        sys.setprofile(Calls(call))
        deliver(inbox)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def main() -> None:
    """Lines of JSON in: an inbox and a call, or null to count. Lines of JSON out: what came of it."""
    for request in sys.stdin:
        inbox, call = json.loads(request)
        if call is None:
            reader, writer = os.pipe()
            if os.fork() == 0:  # the process that forks stays as it was imported
                os.write(writer, json.dumps(count(Path(inbox))).encode())
                os._exit(0)
            os.close(writer)
            with os.fdopen(reader) as answer:
                print(answer.read(), flush=True)
            os.wait()
        else:
            print(json.dumps(kill_at(Path(inbox), call)), flush=True)


if __name__ == "__main__":
    main()
