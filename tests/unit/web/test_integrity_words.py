"""The words of the Integrity page."""

from __future__ import annotations

import pytest

from pywats_archive.models.operation.integrity import Problem, ProblemKind
from pywats_archive.web.views.integrity import problems


@pytest.mark.parametrize("kind", ProblemKind)
def test_each_kind_of_problem_has_words(kind: ProblemKind) -> None:
    """The page shows every problem that a check can find, those that only an anchor shows among them."""
    (row,) = problems([Problem(kind=kind, path="metadata.db", message="what to do")])
    assert row.kind[0].isupper() and row.message == "what to do"
