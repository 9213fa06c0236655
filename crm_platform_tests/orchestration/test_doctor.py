"""The doctor names what is missing and what to install."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

import pytest

from crm_platform.orchestration.doctor import _trees


class WithoutOpenMP(MetaPathFinder):
    """Importing LightGBM fails as it does where libgomp is not installed."""

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> None:
        if name == "lightgbm":
            raise OSError("libgomp.so.1: cannot open shared object file: No such file or directory")


def test_trees_that_load_are_sound_and_said_with_their_version() -> None:
    checked = _trees()
    assert checked.sound
    assert "LightGBM 4." in checked.found


def test_a_missing_openmp_runtime_is_named_with_the_package_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "lightgbm"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [WithoutOpenMP(), *sys.meta_path])
    checked = _trees()
    assert not checked.sound
    assert "libgomp.so.1" in checked.found
    assert "libgomp1" in checked.remedy
