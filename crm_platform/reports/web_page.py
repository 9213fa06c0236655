"""A page that opens offline from anywhere: its own style, fonts and script in it, and a policy for nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from pathlib import Path

from crm_platform.reports import theme
from crm_platform.reports.web_fonts import font_faces

ALWAYS = "".join(chr(code) for code in range(0x20, 0x7F)) + "▲▼→○―—−…・、。〓×"
_STYLE = Path(__file__).with_name("report.css")


def style_of(letters: str, further: str = "") -> str:
    """The reports' style sheet with the theme's colours, and fonts cut to `letters`; `further` rules come last."""
    colours = {name: value for name, value in vars(theme).items() if name.isupper() and str(value).startswith("#")}
    variables = "".join(f"--{name.lower()}:{value};" for name, value in sorted(colours.items()))
    needed = "".join(sorted(set(letters) | set(ALWAYS)))
    return f"{font_faces(needed)}:root{{{variables}}}\n{_STYLE.read_text('utf-8')}{further}"


def web_page(
    language: str, title: str, style: str, body: str, script: str = "", said: Mapping[str, str] | None = None
) -> str:
    """The whole document. `style`, `body` and `script` stand as they are; any other script, or anything from outside,
    is refused by it. `said` are words for the script, which finds them as data of the body.
    """
    scripts = f"script-src '{_digest(script)}'; " if script else ""
    allowed = f"style-src '{_digest(style)}'; {scripts}font-src data:"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    words = "".join(f' data-{name}="{escape(text)}"' for name, text in (said or {}).items())
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n"
        f"<style>{style}</style>\n</head>\n<body{words}>\n{body}\n"
        + (f"<script>{script}</script>\n" if script else "")
        + "</body>\n</html>\n"
    )


def _digest(text: str) -> str:
    """As a content policy names what it allows."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
