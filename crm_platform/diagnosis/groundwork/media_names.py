"""What a medium is called: its channel and its own name, in the client's words."""

from __future__ import annotations

import ibis
from ibis import _

from crm_platform.diagnosis.rows import client_text


def named_media(media: ibis.Table) -> ibis.Table:
    """MEDIA with `channel` and `medium`; without a name the code stands, without a channel the name."""
    name = ibis.coalesce(_.media_name, _.media_id)
    return media.mutate(medium=client_text(name), channel=client_text(ibis.coalesce(_.channel, name)))
