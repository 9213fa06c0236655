"""Code tables proposed from the values met: known wordings translated, unknown ones left to the person (R15)."""

from __future__ import annotations

from dataclasses import dataclass

from crm_platform.intake.drafting.samples import Sample
from crm_platform.intake.drafting.vocabulary import code_meaning
from crm_platform.intake.drafting.wordings import wordings_of
from crm_platform.intake.mapping.standard_layout import STANDARD_CODES

NOT_AN_ORDER = "not_an_order"


@dataclass(frozen=True)
class MetCode:
    """A value met: how it is worded (by its twin column, if any), and what it stands for ("" where not known)."""

    code: str
    wording: str
    meaning: str


def met_codes(sample: Sample, header: str, target: str) -> tuple[MetCode, ...]:
    """Every value of a coded column, in order, with its meaning as far as its wording tells."""
    known = STANDARD_CODES.get(target, {})
    return tuple(
        MetCode(code, wording, known.get(code) or known.get(wording) or code_meaning(target, wording))
        for code, wording in sorted(wordings_of(sample, header).items(), key=lambda pair: (len(pair[0]), pair[0]))
        if code
    )


def says_undone(codes: tuple[MetCode, ...]) -> bool:
    """Whether one of the codes says that an order is cancelled."""
    return any(code.meaning == "cancelled" for code in codes)
