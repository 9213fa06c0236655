"""What runs by itself: deliveries that arrive, each client's own days, and who is told of what went wrong (R91).

Belongs here: sensors, schedules, messages. Does not: how a month is made, or what makes it stale.
"""
