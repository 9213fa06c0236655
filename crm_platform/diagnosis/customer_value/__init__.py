"""Customer value (顧客価値): on whom the sales rest (seed 004)."""

from crm_platform.diagnosis.customer_value.pareto import pareto

__all__ = ["pareto"]
