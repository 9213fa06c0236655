"""診断② 統合戦略: the trend of sales, its causes, new against existing, busy and quiet months (seed 001)."""

from crm_platform.diagnosis.integrated.new_existing import new_existing
from crm_platform.diagnosis.integrated.sales_bridge import sales_bridge
from crm_platform.diagnosis.integrated.sales_trend import sales_trend
from crm_platform.diagnosis.integrated.seasonality import seasonality

__all__ = ["new_existing", "sales_bridge", "sales_trend", "seasonality"]
