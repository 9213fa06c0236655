"""How a message leaves the machine: a webhook or e-mail, each set up by environment variables and nothing else."""

from __future__ import annotations

import json
import smtplib
import ssl
import urllib.request
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from functools import partial

from crm_platform.refusals import Refused

WEBHOOK_URL = "CRM_PLATFORM_WEBHOOK_URL"
SMTP_HOST = "CRM_PLATFORM_SMTP_HOST"
_PATIENCE_SECONDS = 10
_SUBMISSION_PORT = "587"

Told = Mapping[str, str | None]
Way = Callable[[Told], None]


def ways_of(environment: Mapping[str, str]) -> dict[str, Way]:
    """The ways that the environment sets up, by name; none where it names no address."""
    ways: dict[str, Way] = {}
    if url := environment.get(WEBHOOK_URL):
        ways["webhook"] = partial(post, url)
    if environment.get(SMTP_HOST):
        ways["email"] = partial(mail, environment)
    return ways


def post(url: str, told: Told) -> None:
    """POST the message as JSON, with `text` as chat services read it; OSError where nobody takes it."""
    if not url.startswith(("https://", "http://")):
        raise Refused(f"{WEBHOOK_URL} is no web address.", "Set it to one that begins with https://.")
    body = json.dumps({**told, "text": f"{_subject(told)}\n{_body(told)}"}, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json; charset=utf-8"}
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310  the scheme stands above
    with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS):  # noqa: S310
        return


def mail(environment: Mapping[str, str], told: Told) -> None:
    """Send the message by e-mail; encrypted where the server offers it, and a password never otherwise.

    OSError where the server does not take it; Refused where a variable is missing or the server cannot encrypt.
    """
    letter = EmailMessage()
    letter["From"], letter["To"] = _said(environment, "FROM"), _said(environment, "TO")
    letter["Subject"] = _subject(told)
    letter.set_content(_body(told))
    port = environment.get("CRM_PLATFORM_SMTP_PORT", _SUBMISSION_PORT)
    if not port.isdecimal():
        raise Refused("CRM_PLATFORM_SMTP_PORT is no number.", "Set it to the port of the mail server, such as 587.")
    user = environment.get("CRM_PLATFORM_SMTP_USER")
    with smtplib.SMTP(environment[SMTP_HOST], int(port), timeout=_PATIENCE_SECONDS) as server:
        server.ehlo()
        encrypts = server.has_extn("starttls")
        if encrypts:
            server.starttls(context=ssl.create_default_context())
        if user and not encrypts:
            raise Refused("the mail server does not encrypt.", "Use another, or leave CRM_PLATFORM_SMTP_USER out.")
        if user:
            server.login(user, _said(environment, "PASSWORD"))
        server.send_message(letter)


def _said(environment: Mapping[str, str], name: str) -> str:
    variable = f"CRM_PLATFORM_SMTP_{name}"
    if not environment.get(variable):
        raise Refused(f"{variable} is not set.", f"Set it beside {SMTP_HOST}.")
    return environment[variable]


def _subject(told: Told) -> str:
    about = " ".join(part for part in (told["client"], told["month"]) if part)
    return f"crm-platform: {told['kind']}{f' ({about})' if about else ''}"


def _body(told: Told) -> str:
    return f"{told['text']}\n{told['what_to_do']}\n{told['when']}"
