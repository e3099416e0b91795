"""Companion rules: globs for the files that a converter reads beside its source."""

from __future__ import annotations

import re

BUILT_IN_COMPANIONS = {
    "KlippelConverter": ("{stem}/*.txt",),
    "TeradyneICTConverter": ("sn.config",),
}
"""Companion rules for standard converters, by class name: what their code reads beside the source."""

COMPANION_NAMES = re.compile(r"\{(stem|name)\}|\{\{|\}\}")
"""The placeholders in a companion rule: the source's stem or name, or a literal brace."""


def companion_fault(rule: str) -> str | None:
    """Return why a companion rule is invalid, with what to write; None if it is valid."""
    parts = re.split(r"[\\/]", rule)
    if not "".join(parts).strip(" ."):
        return "it is empty; remove it, or write for example '{stem}/*.txt'"
    if not is_writable(rule):
        return "it has a NUL character, or half of a surrogate pair; correct it"
    if rule.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", rule):
        return "companions are beside their source; write a path relative to the source's folder"
    if re.search(r"[{}]", COMPANION_NAMES.sub("", rule)):
        return "only {stem} and {name} are allowed in braces; write a literal brace twice"
    if any("**" in part and part != "**" for part in parts):
        return "'**' may only replace whole folders, as in '**/*.txt'"
    return None


def is_writable(text: str) -> bool:
    """Return whether a file system, a database and a log can store the text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
