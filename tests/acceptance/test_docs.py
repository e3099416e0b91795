"""The documentation and the facts of an installation, as the command shows them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from tests.command import command
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "pywats_archive")


def test_docs_lists_every_page_and_prints_it_as_it_is() -> None:
    """``docs`` names every page, and in a pipe ``docs NAME`` is the page's own text, by any of its names."""
    pages = [path for path in (ROOT / "docs").rglob("*.md") if path != ROOT / "docs" / "README.md"]
    names = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in pages}
    listed = {line.split()[0] for line in command("docs").stdout.split("\n\n")[0].splitlines()}
    assert listed == names | {"README", "CHANGELOG", "CONTRIBUTING"}
    text = (ROOT / "docs" / "reference" / "state.md").read_text(encoding="utf-8")
    for name in ("reference/state", "state", "../reference/state.md"):
        assert command("docs", name).stdout == text


def test_an_unknown_page_is_wrong_use() -> None:
    """A page that is not there is one line that says how to find the pages."""
    ended = command("docs", "nothing")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines() == [
        "pywats-archive: docs nothing: no page has this name; 'pywats-archive docs' lists all pages"
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal, which is POSIX")
def test_a_terminal_gets_the_page_through_its_pager(tmp_path: Path) -> None:
    """In a terminal the page is laid out and goes to the PAGER that a person has chosen."""
    import pty  # noqa: PLC0415 (POSIX alone)

    shown = tmp_path / "shown.txt"
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PAGER": f"cat > '{shown}'", "TERM": "xterm"}
    subprocess.run(
        [*COMMAND, "docs", "station"], stdin=theirs, stdout=theirs, env=environment, timeout=PATIENCE_S, check=True
    )
    os.close(theirs)
    os.close(ours)
    text = shown.read_text(encoding="utf-8")
    assert "Run a station" in text and "# Run a station" not in text


def test_a_fault_report_names_versions_and_places_and_no_secret(tmp_path: Path) -> None:
    """``--version --verbose`` says what is installed and where the configuration and the archives are."""
    config = tmp_path / "config.json"
    converter = {
        "name": "a",
        "module_path": "own.A",
        "watch_folder": "in",
        "archive_enabled": True,
        "archive_folder": "kept",
    }
    config.write_text(json.dumps({"api_token": "c2VjcmV0OnBhc3M=", "converters": [converter]}), encoding="utf-8")
    ended = command("--version", "--verbose", "--config", config)
    facts = dict(line.split(maxsplit=1) for line in ended.stdout.splitlines())
    assert facts["pywats-archive"].strip() == metadata.version("pywats-archive")
    assert facts["pywats-api"].strip() == metadata.version("pywats-api")
    assert {"Python", "platform", "SQLite", "sqlalchemy", "installed"} <= facts.keys()
    assert facts["configuration"].strip() == str(config)
    assert facts["archive"].strip() == f"{tmp_path / 'kept'} (not there)"
    assert "c2VjcmV0" not in ended.stdout + ended.stderr


def test_a_broken_configuration_does_not_hide_the_versions(tmp_path: Path) -> None:
    """A fault report is complete, with the error, where the configuration cannot be read."""
    config = tmp_path / "config.json"
    config.write_text("{", encoding="utf-8")
    ended = command("--version", "--verbose", "--config", config)
    assert ended.returncode == 0 and "SQLite" in ended.stdout and "correct the JSON" in ended.stdout
    assert command("--version", "--verbose", "--config", tmp_path / "none").stdout.rstrip().endswith("with --config)")


def test_an_option_before_a_verb_is_refused(tmp_path: Path) -> None:
    """``--config`` before a verb is not silently ignored."""
    ended = command("--config", tmp_path / "config.json", "list")
    assert ended.returncode == 2 and "put a verb's options after it" in ended.stderr
