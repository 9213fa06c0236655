"""How far the platform itself is to be trusted (予測の答え合わせ): former forecasts, and how steady its classes are."""

from crm_platform.diagnosis.accuracy.forecast_accuracy import forecast_accuracy
from crm_platform.diagnosis.accuracy.segment_stability import segment_stability

__all__ = ["forecast_accuracy", "segment_stability"]
