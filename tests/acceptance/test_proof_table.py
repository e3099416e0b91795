"""Whatever another program does to an archive, with all rights, ``verify`` finds it or the page says that it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.proof.case import Case
from tests.proof.place import Place, copied, found, make_place
from tests.proof.sections import SECTIONS, Section
from tools.proof_table import PAGE, page

from pywats_archive import Client
from pywats_archive.models.operation.integrity import Thoroughness

_CASES = [(section, each) for section in SECTIONS for each in section.cases]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The archive of a station with an anchor elsewhere; sound with and without that."""
    place = make_place(tmp_path_factory.mktemp("made"))
    for with_anchor in (False, True):
        assert found(place, with_anchor=with_anchor, how=Thoroughness()) == frozenset()
    return place


@pytest.mark.parametrize(("section", "case"), _CASES, ids=[each.name for _, each in _CASES])
def test_what_the_page_says_is_found(made: Place, tmp_path: Path, section: Section, case: Case) -> None:
    """A manipulation is found by exactly the kinds that its row names, without and with an anchor elsewhere."""
    place = copied(made, tmp_path)
    case.act(place)
    assert found(place, with_anchor=False, how=section.how) == case.alone
    assert found(place, with_anchor=True, how=section.how) == case.anchored


def test_the_bar_ends_at_its_total(made: Place) -> None:
    """Each file that a check reads was counted: blobs of entries, code, records of imported entries, copies of the catalog."""
    with Client([made.root]) as client:
        assert client.count_files() == sum(each.blobs for each in client.verify()) == 15


def test_the_page_has_these_cases() -> None:
    """docs/proof.md is up to date; ``make docs`` writes it."""
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "run 'make docs'"


def test_each_manipulation_has_its_own_name() -> None:
    """No case hides another one of the same name."""
    names = [each.name for _, each in _CASES]
    assert len(set(names)) == len(names) > 300
