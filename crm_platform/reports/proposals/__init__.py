"""Proposals (企画書, 社内稟議書; R69): documents that a client takes to its own table, filled with its own numbers.

Belongs here: what the two documents say, and their two media. Does not: computing a number that they show.
"""

from crm_platform.reports.proposals.alert_test_plan import alert_test_plan
from crm_platform.reports.proposals.document import Proposal
from crm_platform.reports.proposals.docx_file import write_docx
from crm_platform.reports.proposals.internal_approval import internal_approval
from crm_platform.reports.proposals.pdf_file import write_proposal_pdf

__all__ = ["Proposal", "alert_test_plan", "internal_approval", "write_docx", "write_proposal_pdf"]
