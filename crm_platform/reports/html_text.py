"""Texts of the model as HTML: escaped, and broken into lines where a reader would break them."""

from __future__ import annotations

import re
from html import escape

from crm_platform.reports.glyphs import phrases

_SIGNED_AMOUNT = re.compile(r"[+−]¥[\d.,]+[KMB]?")


def shown(text: str) -> str:
    """Escaped text in which a sign stays with its amount at the end of a line."""
    return _SIGNED_AMOUNT.sub(r'<span class="amount">\g<0></span>', escape(text))


def broken(text: str) -> str:
    """`shown` text that a browser breaks between phrases only."""
    return "<wbr>".join(shown(phrase) for phrase in phrases(text))
