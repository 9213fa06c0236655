"""What a report calls a way to contact a customer, which the client's file names (`[alert_channels]`)."""

from __future__ import annotations

from typing import Final

from crm_platform.diagnosis.finding import client_word

# `dm` is the channel of a client whose file names none; its name is no word of a report.
_WORDED: Final = {"dm": "@action_channel.post", "mail": "@action_channel.mail", "phone": "@action_channel.phone"}


def channel_word(name: str) -> str:
    """The platform's own word for a channel that it knows by its code; any other name as the client writes it."""
    return _WORDED.get(name, client_word(name))
