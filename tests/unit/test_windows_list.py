"""The lists of the tests that also run with Python for Windows under Wine."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("on_windows.txt", "on_windows_long.txt")


@pytest.fixture(params=NAMES)
def lines(request: pytest.FixtureRequest) -> list[str]:
    """The lines of a list."""
    name: str = request.param
    return (ROOT / "tests" / name).read_text(encoding="utf-8").splitlines()


def test_each_test_on_the_list_exists(lines: list[str]) -> None:
    """A test that is renamed or moved stays on the list: pytest finds a wrong name only under Wine."""
    missing = []
    for line in lines:
        path, _, name = line.partition("::")
        file = ROOT / path
        if not file.is_file() or (name and f"\ndef {name}(" not in file.read_text(encoding="utf-8")):
            missing.append(line)
    assert missing == []


def test_the_list_is_sorted_by_file_and_names_each_test_once(lines: list[str]) -> None:
    """A file is listed whole or by its tests."""
    files = [line.partition("::")[0] for line in lines]
    whole = {line for line in lines if "::" not in line}
    assert files == sorted(files) and len(lines) == len(set(lines))
    assert [line for line in lines if "::" in line and line.partition("::")[0] in whole] == []
