"""The record of a delivery to the client (納品): the day, the people by their roles, questions and answers (R43)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from crm_platform.periods import TERM_MONTHS, Month
from crm_platform.periods.term import plus_months
from crm_platform.projects.plain_words import role, words


@dataclass(frozen=True)
class Answer:
    """A question of the client and what was answered (質疑応答)."""

    question: str
    answer: str


@dataclass(frozen=True)
class DeliveryRecord:
    """Deliverables of `month` handed over on `delivered_on`; `people` are roles.

    `specification` is the fingerprint in force, `content_sha256` the digest of the files that were handed over.
    """

    month: str
    delivered_on: dt.date
    people: tuple[str, ...]
    answers: tuple[Answer, ...]
    specification: str
    content_sha256: str

    @property
    def repeat_until(self) -> dt.date:
        """The last day of the six months that begin with the delivery (J3: 納品日 + 6ヶ月, last day included)."""
        return plus_months(self.delivered_on, TERM_MONTHS)

    @classmethod
    def of(
        cls,
        month: Month,
        delivered_on: dt.date,
        people: tuple[str, ...],
        answers: tuple[tuple[str, str], ...],
        specification: str,
        content_sha256: str,
    ) -> DeliveryRecord:
        """A record; Refused where a role, a question or an answer is empty or holds personal data."""
        asked = tuple(Answer(words(question), words(answer)) for question, answer in answers)
        return cls(str(month), delivered_on, tuple(map(role, people)), asked, specification, content_sha256)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        days = {"delivered_on": self.delivered_on.isoformat(), "repeat_until": self.repeat_until.isoformat()}
        return {**asdict(self), **days, "people": list(self.people)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> DeliveryRecord:
        """Read what `to_json` wrote."""
        return cls(
            value["month"],
            dt.date.fromisoformat(value["delivered_on"]),
            tuple(value["people"]),
            tuple(Answer(**one) for one in value["answers"]),
            value["specification"],
            value["content_sha256"],
        )
