"""The book of KPIs (R114): CPA CPO CPR LTV F2転換率 リピート率 定期継続率 引き上げ率 解約率 MRR ARPU CAC ROAS and more.

Where the field uses one name two ways (CPM.md section 5), both readings are declared and both are computed.
"""

from __future__ import annotations

from crm_platform.diagnosis.kpis.declaration import Kpi
from crm_platform.diagnosis.kpis.kpis_of_months import BUYERS, CONTACTED, SUBSCRIBERS
from crm_platform.diagnosis.kpis.kpis_of_newcomers import ACQUISITION, NEWCOMERS

KPIS: tuple[Kpi, ...] = (*ACQUISITION, *NEWCOMERS, *SUBSCRIBERS, *BUYERS, *CONTACTED)
