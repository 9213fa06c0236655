"""A score per customer out of a plain list of orders: for analysts and notebooks, without a client or Dagster.

Belongs here: reading and checking such a list, scoring it, writing the scores. Does not: models; these are the
forecast's and the alerts'.
"""

from crm_platform.scoring.order_columns import Orders
from crm_platform.scoring.order_files import read_orders
from crm_platform.scoring.score_files import refuse_target, write_scores
from crm_platform.scoring.scores import SCORES, score_customers, score_orders

__all__ = ["SCORES", "Orders", "read_orders", "refuse_target", "score_customers", "score_orders", "write_scores"]
