"""How often Python looks for cyclic garbage."""

import gc

_THRESHOLDS = (10_000, 20, 20)


def collect_rarely() -> None:
    """For processes that run the platform, called first: Python's own thresholds suit small programs.

    Queries are built of many small objects, and each full collection walks every module as well: 3.6 of the 27 CPU s of
    a refresh of 600 customers, 1.0 with these, at the same peak of memory.
    """
    gc.set_threshold(*_THRESHOLDS)
