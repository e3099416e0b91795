"""The list of the tests that also run with Python for Windows under Wine."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
LIST = (ROOT / "tests" / "on_windows.txt").read_text(encoding="utf-8").splitlines()


def test_each_test_on_the_list_exists() -> None:
    """A test that is renamed or moved stays on the list: pytest finds a wrong name only under Wine."""
    missing = []
    for line in LIST:
        path, _, name = line.partition("::")
        file = ROOT / path
        if not file.is_file() or (name and f"\ndef {name}(" not in file.read_text(encoding="utf-8")):
            missing.append(line)
    assert missing == []


def test_the_list_is_sorted_by_file_and_names_each_test_once() -> None:
    """A file is listed whole or by its tests."""
    files = [line.partition("::")[0] for line in LIST]
    whole = {line for line in LIST if "::" not in line}
    assert files == sorted(files) and len(LIST) == len(set(LIST))
    assert [line for line in LIST if "::" in line and line.partition("::")[0] in whole] == []
