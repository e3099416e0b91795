"""Scripts and styles of the pages: few, our own, and such that old browsers understand them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pywats_archive.web.frame.rendering import FOLDER

SCRIPTS = sorted((FOLDER / "static").glob("*.js"))
STYLES = sorted((FOLDER / "static").glob("*.css"))
TEMPLATES = sorted((FOLDER / "templates").rglob("*.html"))
MOST_LINES = 200
TOO_NEW = re.compile(
    r":has\(|light-dark\(|@layer|@container|@property|color-mix\(|:popover|text-wrap|\bdvh\b"
    r"|flex;[^}]*align-items: (?:end|start)|^\s*&",
    re.M,
)
"""What Chromium 92 does not know."""


def test_the_scripts_stay_small() -> None:
    """Everything works without them, so all of them together are short; none makes code or markup of a text."""
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in SCRIPTS)
    assert len(SCRIPTS) == 2 and lines <= MOST_LINES
    for path in SCRIPTS:
        made = re.findall(
            r"\beval\b|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write", path.read_text()
        )
        assert made == [], path


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_old_browsers_understand_the_styles(path: Path) -> None:
    """No rule is one that a browser of 2021 leaves out, and none fetches anything."""
    text = path.read_text(encoding="utf-8")
    assert TOO_NEW.findall(text) == [] and "url(" not in text and "@import" not in text


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_scripts_or_styles_of_its_own(path: Path) -> None:
    """The policy of the pages would refuse them; nothing switches escaping off."""
    text = path.read_text(encoding="utf-8")
    assert (
        re.findall(
            r"\son[a-z]+=|\sstyle=|<style|<script(?! src=\"/static/)|javascript:|https?://(?!www\.w3\.org/2000/svg)",
            text,
        )
        == []
    )
    assert [each for each in re.findall(r"\S+\s*\|\s*safe", text) if each != '"&amp;"|safe'] == []


def test_what_is_fetched_again_has_no_control() -> None:
    """A part that a page replaces by itself takes the focus from nobody."""
    parts = [
        part
        for path in TEMPLATES
        for part in re.findall(r"<(\w+)[^>]*data-refresh=(.*?)</\1>", path.read_text(encoding="utf-8"), re.S)
    ]
    assert len(parts) >= 2
    assert [part for part in parts if re.search(r"<(a|button|input|select|summary)\b", part[1])] == []
