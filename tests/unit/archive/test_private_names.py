"""The private names of sources that leave: no listing takes one for a source, and each leads back to its source."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pywats_archive.archive.sources import leaving
from pywats_archive.config import ConverterConfig
from pywats_archive.pipeline.folders.listing import SourceListing

_NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=80).filter(
    lambda name: name not in (".", "..") and len(os.fsencode(name)) <= 255
)


@given(name=_NAMES)
def test_any_name_has_private_ones(name: str) -> None:
    """Each fits into a folder, is never listed as a source, and says whose it is unless that name is too long (5, 12)."""
    path = Path("watch") / name
    listing = SourceListing(ConverterConfig(name="c", module_path="m.C", watch_folder="watch", file_patterns=["*"]))
    every = list(leaving.private_names(path))
    assert len(set(every)) == 9
    for private in every:
        assert private.parent == path.parent and len(os.fsencode(private.name)) <= 255
        assert leaving.is_private(private.name) and not listing.matches(str(private))
        long = len(os.fsencode(name)) > 237
        assert leaving.original_of(private) == (None if long else path)


def test_a_path_that_is_long_for_windows_has_short_private_names() -> None:
    """A private name makes no path longer than 259 characters that is shorter without it."""
    path = Path("w" * 200) / ("n" * 55)
    assert all(len(str(private)) < 260 for private in leaving.private_names(path, windows=True))
    assert leaving.original_of(next(leaving.private_names(path, windows=False))) == path


def test_names_that_only_resemble_private_ones_are_sources() -> None:
    """A tester's own file is not hidden by a chance similarity."""
    for name in ("a.pywats-leaving", ".pywats-leaving", ".a.log.pywats-leaving.txt", ".a.log.pywats-leaving-10"):
        assert not leaving.is_private(name)
