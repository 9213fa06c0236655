"""CRM analysis for mail-order and subscription businesses: a story in chapters, told by Dagster.

Data runs one way: delivery → intake → facts → history → forecast → segments → alerts → diagnosis → reports.
A chapter imports only chapters before it; only `orchestration` knows Dagster. See docs/architecture.md.
"""
