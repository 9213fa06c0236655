"""Settings out of bounds are refused by their name, so that no chapter meets one."""

import pytest

from crm_platform.clients import ForecastSettings
from crm_platform.clients.catalogue import client_from_toml
from crm_platform.refusals import Refused


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"settings": {"value_classes": 0}}, "settings.value_classes"),
        ({"settings": {"value_classes": 1000}}, "settings.value_classes"),
        ({"settings": {"value_classes": 2.5}}, "settings.value_classes"),
        ({"settings": {"alert_top_share": 1.5}}, "settings.alert_top_share"),
        ({"settings": {"alert_top_share": float("nan")}}, "settings.alert_top_share"),
        ({"settings": {"alert_top_share": True}}, "settings.alert_top_share"),
        ({"settings": {"contact_lead_days": 10**9}}, "settings.contact_lead_days"),
        ({"settings": {"alert_unit_cost_jpy": -1}}, "settings.alert_unit_cost_jpy"),
        ({"settings": {"crosssell_at_first_subscription": 1}}, "settings.crosssell_at_first_subscription"),
        ({"settings": {"crosssell_at_first_subscription": "true"}}, "settings.crosssell_at_first_subscription"),
        ({"settings": {"crosssell_min_orders": True}}, "settings.crosssell_min_orders"),
        ({"settings": {"crosssell_min_orders": 0}}, "settings.crosssell_min_orders"),
        ({"settings": {"subscription_silent_cycles": 0}}, "settings.subscription_silent_cycles"),
        ({"settings": {"term_courses": {"A": 0}}}, "settings.term_courses.A"),
        ({"settings": {"term_courses": 3}}, "settings.term_courses"),
        ({"settings": {"colour": 1}}, "settings.colour"),
        ({"settings": 5}, "settings"),
        ({"settings": {"lapse_silent_days_by_group": 180}}, "settings.lapse_silent_days_by_group"),
        ({"settings": {"lapse_silent_days_by_group": {"肌": 0}}}, "settings.lapse_silent_days_by_group.肌"),
        ({"settings": {"lapse_silent_days_by_group": {"肌": True}}}, "settings.lapse_silent_days_by_group.肌"),
        ({"settings": {"lapse_silent_days_by_group": {"肌": 1.5}}}, "settings.lapse_silent_days_by_group.肌"),
        ({"settings": {"lapse_silent_days_by_group": {" ": 90}}}, "settings.lapse_silent_days_by_group. "),
        ({"forecast": {"use_prior": 1}}, "forecast.use_prior"),
        ({"forecast": {"share_parameters": "yes"}}, "forecast.share_parameters"),
        ({"forecast": {"share_rows": True}}, "forecast.share_rows"),
        ({"forecast": 5}, "forecast"),
        ({"settings": {"alert_treated": 7_000}}, "settings.alert_control"),
        ({"settings": {"alert_control": 7_000}}, "settings.alert_treated"),
        ({"settings": {"alert_treated": -1, "alert_control": 1}}, "settings.alert_treated"),
        ({"business_year_start_month": True}, "business_year_start_month"),
        ({"business_year_start_month": 4.0}, "business_year_start_month"),
    ],
)
def test_a_setting_that_no_chapter_could_use_is_refused_by_its_name(values, key):
    with pytest.raises(Refused) as refusal:
        client_from_toml("acme", {"name": "Acme", **values}, "acme.toml")
    assert (refusal.value.file, refusal.value.column) == ("acme.toml", key)


def test_settings_on_their_bounds_are_taken():
    settings = {"value_classes": 1, "alert_top_share": 1, "contact_lead_days": 0, "crosssell_min_orders": 1}
    assert client_from_toml("acme", {"name": "Acme", "settings": settings}, "acme.toml").settings.value_classes == 1


def test_nothing_is_shared_with_other_clients_unless_the_file_says_so():
    assert client_from_toml("acme", {"name": "Acme"}, "acme.toml").forecast == ForecastSettings(False, False)
    switched = client_from_toml("acme", {"name": "Acme", "forecast": {"share_parameters": True}}, "acme.toml")
    assert switched.forecast == ForecastSettings(share_parameters=True, use_prior=False)
