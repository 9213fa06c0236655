"""Subscription and one-off side by side (定期 × 都度): so far, when to contact each customer next.

Belongs here: what follows from supply and order kinds. Does not: value classes and alerts.
"""
