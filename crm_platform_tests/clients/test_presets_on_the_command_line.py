"""`crm-platform clients add --preset`, `show` and `check`: from a name to a client that delivers a cart's exports."""

import tomllib

import pytest
from typer.testing import CliRunner

from crm_platform.cli.clients import app
from crm_platform.clients import Catalogue, Client
from crm_platform.clients.mapping import PRESETS
from crm_platform.intake import rules_of
from crm_platform.refusals import Refused


@pytest.fixture
def clients(tmp_path, monkeypatch):
    monkeypatch.setenv("CRM_PLATFORM_DATA", str(tmp_path))

    def run(*words):
        return CliRunner().invoke(app, words, catch_exceptions=False).output

    return run


@pytest.mark.parametrize("preset", PRESETS)
def test_a_client_of_a_cart_is_added_in_one_line_and_sound(clients, tmp_path, preset):
    clients("add", "acme", "--name", "見本商店", "--preset", preset)
    assert (tmp_path / "clients" / "acme.toml").read_text("utf-8").splitlines()[-1] == f'preset = "{preset}"'
    assert clients("check", "acme") == "acme: sound\n"


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_shown_is_toml_that_means_the_same_mapping(clients, tmp_path, preset):
    clients("add", "acme", "--name", "見本商店", "--preset", preset)
    shown = clients("show", "acme")
    said = tomllib.loads(shown)
    assert "# processing (加工あり):" in shown
    whole = Client("acme", "見本商店", intake={key: said[key] for key in ("tables",)})
    preset_rules, shown_rules = rules_of(Catalogue(tmp_path / "clients").load("acme")), rules_of(whole)
    for name, mapping in preset_rules.tables.items():
        assert mapping.columns == shown_rules.tables[name].columns
        assert mapping.set_aside == shown_rules.tables[name].set_aside
        assert mapping.order_discount == shown_rules.tables[name].order_discount


def test_an_unknown_cart_is_refused_and_no_file_is_written(clients, tmp_path):
    with pytest.raises(Refused, match="no preset 'base'"):
        clients("add", "acme", "--name", "見本商店", "--preset", "base")
    assert not (tmp_path / "clients" / "acme.toml").exists()


def test_a_wrong_word_in_the_clients_file_is_named(clients, tmp_path):
    clients("add", "acme", "--name", "見本商店", "--preset", "shopify")
    file = tmp_path / "clients" / "acme.toml"
    file.write_text(file.read_text("utf-8") + "[tables.order_lines]\nsplit = true\n", "utf-8")
    with pytest.raises(Refused) as refusal:
        clients("check", "acme")
    assert refusal.value.column == "tables.order_lines.split"
