"""Secrets stand in the environment alone: no file of the platform takes one, and none is repeated."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from crm_platform.clients.catalogue import client_from_toml
from crm_platform.intake import rules_of
from crm_platform.refusals import Refused

PROJECT = Path(__file__).parents[2]
TABLES = (
    "", "[settings]", "[forecast]", "[two_track]", "[project]", "[schedule]", "[retention]", "[admission]",
    "[personal_data]", "[kpi_targets]", "[[measures]]", "[alert_channels]", "[messages]", "[tables.order_lines]",
    "[tables.customers.columns]",
)  # fmt: skip
KEYS = ("password", "hash_key", "api_key", "smtp_password", "webhook_url", "secret")
OF_SECRETS = re.compile(
    r"\b(getpass|netrc|keyring|dotenv)\b" + r"|[\"'][^\"'\s]*(\.env|\.netrc|\.pem|secrets?\.\w+)[\"']"
)
VALUE = "https://user:hunter2@hooks.example.jp/T0"


@pytest.mark.parametrize("table", TABLES)
def test_a_secret_in_a_clients_file_is_refused_by_its_key_and_not_repeated(table: str) -> None:
    for key in KEYS:
        text = f'name = "Acme"\n{table}\n{key} = "{VALUE}"\n'
        with pytest.raises(Refused) as refusal:
            rules_of(client_from_toml("acme", tomllib.loads(text), "acme.toml"))
        said = str(refusal.value)
        assert key in said or table.strip("[]").split(".")[0] in said, said
        assert "hunter2" not in said


def test_every_variable_of_the_environment_that_is_read_is_documented() -> None:
    named = set()
    for path in (PROJECT / "crm_platform").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named |= set(re.findall(r"\bCRM_PLATFORM_[A-Z_]+[A-Z]\b", node.value))
    documented = "".join(path.read_text("utf-8") for path in [PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")])
    assert {"CRM_PLATFORM_HASH_KEY", "CRM_PLATFORM_DATA"} <= named
    assert sorted(name for name in named if name not in documented) == []


def test_only_the_outermost_rooms_read_the_environment_and_none_a_file_of_secrets() -> None:
    reading, of_secrets = set(), []
    for path in sorted((PROJECT / "crm_platform").rglob("*.py")):
        text = path.read_text("utf-8")
        place = path.relative_to(PROJECT / "crm_platform").as_posix()
        if re.search(r"\bos\.(environ|getenv)\b", text):
            reading.add(place.split("/")[0])
        if re.search(
            r"\b(getpass|netrc|keyring|dotenv)\b|[\"'][^\"'\s]*(\.env|\.netrc|\.pem|secrets?\.\w+)[\"']", text
        ):
            of_secrets.append(place)
    assert reading <= {"cli", "orchestration"}
    assert of_secrets == []
