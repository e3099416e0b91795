"""NOTICE names every package that the zips hold, and its licence."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name
from tests.unit.test_layout import SYSTEMS, needed
from tools.release.notice import licence_of, lines
from tools.release.target import PYTHON_VERSIONS

NOTICE = (Path(__file__).parents[2] / "NOTICE").read_text(encoding="utf-8")
NAMED, LISTED = (part.splitlines() for part in NOTICE.split("as they state them"))
NEEDED = {
    name
    for system in SYSTEMS.values()
    for python in PYTHON_VERSIONS
    for name in needed(
        {**system, "python_version": python, "python_full_version": f"{python}.0"}, frozenset({"web", "vault", "plant"})
    )
} | {"pip"}
INSTALLED = [each for each in metadata.distributions() if canonicalize_name(each.metadata["Name"]) in NEEDED]


def test_every_package_of_the_zips_is_listed_and_no_other() -> None:
    """NOTICE lists what the zips hold, on any platform and Python."""
    assert {canonicalize_name(line.split()[0]) for line in LISTED if line} == NEEDED


def test_every_licence_is_as_its_package_states_it() -> None:
    """NOTICE gives the licence that the installed package states; that of pip here may be of an older release."""
    stated = lines(each.metadata for each in INSTALLED if each.name != "pip")
    assert sorted(set(stated) - set(LISTED)) == []


def test_a_licence_with_conditions_is_named_with_them() -> None:
    """A package under a licence that protects its source (LGPL, MPL, EPL and such) is named with it."""
    conditions = re.compile(r"\b(GPL|LGPL|AGPL|MPL|EPL|CDDL|EUPL)\b|Mozilla|GNU", re.ASCII)
    found = {each.name for each in INSTALLED if conditions.search(licence_of(each.metadata))}
    assert found == {"certifi", "orjson"}
    assert all(any(name in line for line in NAMED) for name in found | {"adodbapi"})
