"""The index of a client's outbox as one HTML page that opens offline: no script, links into the months' folders."""

from __future__ import annotations

from html import escape
from pathlib import Path
from urllib.parse import quote

from crm_platform.reports.client_index import ClientIndex, MonthListed
from crm_platform.reports.html_text import broken
from crm_platform.reports.listed_fees import Fees
from crm_platform.reports.listed_files import Entry, Listed
from crm_platform.reports.web_page import style_of, web_page
from crm_platform.reports.wording import Wording

_STYLE = Path(__file__).with_name("client_index.css")


def write_client_index(index: ClientIndex) -> bytes:
    """The page; an equal index gives equal bytes."""
    words = index.wording
    body = _body(index)
    wording = (text for key, text in words.texts.items() if key.startswith("client_index."))
    style = style_of("".join((body, *wording)), _STYLE.read_text("utf-8"))
    title = f"{words.text('client_index.title')} {index.client}"
    return web_page(words.language, title, style, body).encode()


def _body(index: ClientIndex) -> str:
    words = index.wording
    months = "\n".join(_month(month, place == 0, words) for place, month in enumerate(index.months))
    nothing = "" if index.months else f"<p>{escape(words.text('client_index.none'))}</p>"
    return (
        f'<a class="skip" href="#text">{escape(words.text("report.skip_to_text"))}</a>\n{_cover(index)}\n'
        f'<div class="columns">{_nav(index)}<main id="text">{nothing}{months}</main></div>'
        f"<footer>{escape(words.text('report.confidential'))}</footer>"
    )


def _cover(index: ClientIndex) -> str:
    words, lines = index.wording, []
    if index.months:
        lines = [
            words.text("client_index.newest", month=index.months[0].month),
            words.text("client_index.months_told", months=len(index.months)),
        ]
    told = "".join(f"<li>{escape(line)}</li>" for line in lines)
    client = broken(words.text("report.for_client", client=index.client))
    return (
        f'<header class="cover"><p class="client">{client}</p><h1>{broken(words.text("client_index.title"))}</h1>'
        f'<p class="subtitle">{broken(words.text("client_index.subtitle"))}</p>'
        + (f"<ul>{told}</ul>" if told else "")
        + "</header>"
    )


def _nav(index: ClientIndex) -> str:
    name = escape(index.wording.text("client_index.months"))
    months = "".join(f'<li><a href="#m{month.month}">{escape(month.name)}</a></li>' for month in index.months)
    return f'<nav aria-label="{name}"><h2>{name}</h2><ol>{months}</ol></nav>' if months else ""


def _month(month: MonthListed, is_latest: bool, words: Wording) -> str:
    tag = escape(words.text(f"client_index.{'latest' if is_latest else 'earlier'}"))
    head = (
        f'<section class="month" id="m{month.month}" aria-labelledby="m{month.month}-title"><p class="tag">{tag}</p>'
        f'<h2 id="m{month.month}-title">{escape(month.name)}</h2>'
    )
    if month.problem:
        return f'{head}<p class="problem">{escape(month.problem)}</p></section>'
    facts = "".join(f"<li>{escape(fact)}</li>" for fact in month.facts)
    news = "".join(f"<p>{escape(line)}</p>" for line in month.news)
    return (
        f'{head}<ul class="facts">{facts}</ul>'
        f'<div class="comment"><h3 class="tag">{escape(words.text("client_index.news"))}</h3>{news}</div>'
        + _pairs(month.not_included, "not_included", ("what", "why"), words)
        + "".join(_files(listed, month.name, words) for listed in month.folders)
        + _fees(month.fees, words)
        + _pairs(month.stages, "project", ("stage", "state"), words)
        + "</section>"
    )


def _fees(fees: Fees | None, words: Wording) -> str:
    """What each service costs and by which rule; a line where there is no quote, nothing in an earlier month."""
    if fees is None:
        return ""
    title, note = escape(words.text("client_index.fees")), f'<p class="note">{broken(fees.note)}</p>'
    if not fees.rows:
        return f"<h3>{title}</h3>{note}"
    columns = ("service", "fee", "rule")
    head = "".join(f'<th scope="col">{escape(words.text(f"client_index.{column}"))}</th>' for column in columns)
    rows = "".join(
        f'<tr><th scope="row">{broken(one.service)}</th><td class="number">{escape(one.amount)}</td>'
        f"<td>{broken(one.rule)}</td></tr>"
        for one in fees.rows
    )
    return (
        f'<h3>{title}</h3><table class="fees"><caption>{title}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>{note}"
    )


def _pairs(rows: tuple[tuple[str, str], ...], key: str, headers: tuple[str, str], words: Wording) -> str:
    """A table of two columns under its caption; nothing where it has no row."""
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(words.text(f"client_index.{header}"))}</th>' for header in headers)
    body = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(said)}</td></tr>' for name, said in rows)
    caption = escape(words.text(f"client_index.{key}"))
    return (
        f'<table class="{key}"><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def _files(listed: Listed, month: str, words: Wording) -> str:
    head = "".join(
        f'<th scope="col">{escape(words.text(f"client_index.{header}"))}</th>'
        for header in ("file", "purpose", "difference")
    )
    rows = "".join(map(_entry, listed.entries))
    return (
        f'<h3>{escape(listed.name)}</h3><table class="files"><caption>{escape(listed.name)} {escape(month)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _entry(entry: Entry) -> str:
    links = " ".join(
        f'<a href="{escape(quote(link.href))}" aria-label="{escape(link.spoken)}">{escape(link.label)}</a>'
        for link in entry.links
    )
    size = "".join(f'<span class="size">{escape(line)}</span>' for line in entry.size)
    return (
        f'<tr><th scope="row">{broken(entry.name)}<span class="links">{links}</span></th>'
        f"<td>{broken(entry.purpose)}</td>"
        f'<td><strong class="state {entry.state}">{escape(entry.state_label)}</strong>{size}</td></tr>'
    )
