"""Findings: questions on one client's customers, each answered by numbers, a verdict, a yen effect.

Belongs here: sums over the facts and the analyses of one month, and the rules that judge them. Does not: words, charts
and pages (`reports`), nor anything that is not known at the as-of date.

The modules of this folder are the engine, `groundwork` is what several chapters stand on, every other folder is a
chapter that knows no other (docs/architecture.md). Here stands what a reader of findings needs; who asks the questions
imports `diagnose`, `portfolio` or `inputs`, whose libraries a reader need not load.
"""

from crm_platform.diagnosis.finding import Diagnosis, Exhibit, Finding, by_yen_effect

__all__ = ["Diagnosis", "Exhibit", "Finding", "by_yen_effect"]
