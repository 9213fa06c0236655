"""The first page as HTML: the answers, what is healthy and what is not, what to do first and what it is worth."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from crm_platform.reports.html_text import broken, shown
from crm_platform.reports.pages import SIGNS, Front, Point


def front_html(front: Front, text: Callable[[str], str]) -> str:
    """The answer before everything else; `text` gives the words under a key."""
    issues = "".join(map(_issue, front.issues))
    return (
        f'<section class="front" aria-labelledby="answer"><h2 id="answer">{broken(front.conclusion)}</h2>'
        + f"{_answers(front)}{_counts(front)}"
        + _first(front, text)
        + (f"<h3>{escape(text('front.issues'))}</h3><ol>{issues}</ol>" if issues else "")
        + f"{_lists(front, text)}</section>"
    )


def _answers(front: Front) -> str:
    answers = "".join(f"<dt>{escape(each.question)}</dt><dd>{shown(each.answer)}</dd>" for each in front.answers)
    return f'<dl class="answers">{answers}</dl>' if answers else ""


def _counts(front: Front) -> str:
    counts = "".join(
        f'<li class="{verdict}"><strong>{escape(count)}</strong> {SIGNS[verdict]} {escape(name)}</li>'
        for verdict, name, count in front.counts
    )
    return f'<ul class="counts">{counts}</ul>'


def _issue(point: Point) -> str:
    worth = f" <b>{shown(point.worth)}</b>" if point.worth else ""
    action = f'<span class="plan">{shown(point.action)}</span>' if point.action else ""
    return f'<li><a href="#{point.anchor}">{broken(point.title)}</a>{worth}{action}</li>'


def _first(front: Front, text: Callable[[str], str]) -> str:
    if not front.first_action:
        return ""
    return (
        f'<div class="first"><h3>{escape(text("front.first"))}</h3><p>{shown(front.first_action)}</p>'
        f'<p class="plan">{shown(front.first_facts)}</p></div>'
    )


def _lists(front: Front, text: Callable[[str], str]) -> str:
    lists = {"further": front.further_issues, "healthy": front.healthy, "undetermined": front.undetermined}
    return "".join(
        f"<p><strong>{escape(text(f'front.{key}'))}</strong> {shown(names)}</p>"
        for key, names in lists.items()
        if names
    )
