"""The names that the package offers."""

from __future__ import annotations

import pytest

import pywats_archive


@pytest.mark.parametrize("name", pywats_archive.__all__)
def test_each_exported_name_can_be_imported(name: str) -> None:
    """Exports are loaded when they are first used, so a module that moved must move in their list as well."""
    assert getattr(pywats_archive, name).__name__ == name
