"""The chapters as Dagster assets: partitions, recomputation of what changed, checks, jobs, and runs without a daemon.

Belongs here: everything that knows Dagster. Does not: any number; assets call one function of a chapter each.
"""

import warnings

import dagster as dg

# The multi-partitioning and the single-run backfill are beta in Dagster 1.13; tests pin what is assumed of them.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
