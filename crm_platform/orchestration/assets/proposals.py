"""The month's proposals (企画書, 社内稟議書; R69) as DOCX and PDF, from its diagnoses and its quote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from crm_platform.diagnosis import Diagnosis
from crm_platform.orchestration.assets.drawn_reports import words_of
from crm_platform.orchestration.client_month import ClientMonth
from crm_platform.orchestration.since_passed import PROPOSALS
from crm_platform.reports.proposals import alert_test_plan, internal_approval, write_docx, write_proposal_pdf
from crm_platform.reports.quote_json import FILE_NAME as QUOTE


def month_proposals(at: ClientMonth, quoted: Mapping[str, bytes]) -> dict[str, bytes]:
    """Both proposals by path; `quoted` holds the month's `quote.json`."""
    quotes: dict[str, Any] = {one["service"]: one for one in json.loads(quoted[QUOTE])["quotes"]}
    second_opinion, alert, portfolio = (
        Diagnosis.from_json(at.document(name)) for name in ("diagnosis", "alert_diagnosis", "portfolio_diagnosis")
    )
    words = words_of(at)
    proposals = {
        "alert_test_plan": alert_test_plan(alert, quotes["shopping_alert"], words),
        "internal_approval": internal_approval(second_opinion, (alert, portfolio), quotes["second_opinion"], words),
    }
    media = {"docx": write_docx, "pdf": write_proposal_pdf}
    return {
        f"{PROPOSALS}{name}.{ending}": write(proposal)
        for name, proposal in proposals.items()
        for ending, write in media.items()
    }
