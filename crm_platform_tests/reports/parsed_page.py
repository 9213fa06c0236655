"""A page of HTML as its tags and texts, read by the standard library."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = {"meta", "wbr", "br", "link", "img", "input", "hr"}


class ParsedPage(HTMLParser):
    """Collects tags, attributes and texts, and fails on tags that do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)

    @property
    def told(self) -> list[str]:
        """What the marks of all charts tell, in the order of the page."""
        return [attributes["aria-label"] or "" for tag, attributes in self.tags if _is_mark(tag, attributes)]


def _is_mark(tag: str, attributes: dict[str, str | None]) -> bool:
    return tag == "path" and "aria-label" in attributes
