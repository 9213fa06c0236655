"""A made-up single-item repeat mail-order house (単品リピート通販) whose truth is known, and its files.

Belongs here: drawing customers, subscriptions, orders and faults from a seed, and writing them as a cart would export
them. Does not: reading a delivery or judging it; what is planted must be found by chapters that do not know it.
"""

from crm_platform.demo.delivery import write_delivery, write_truth
from crm_platform.demo.faults import PlantedFault
from crm_platform.demo.made import Demo, make_demo
from crm_platform.demo.truth import Truth

__all__ = ["Demo", "PlantedFault", "Truth", "make_demo", "write_delivery", "write_truth"]
