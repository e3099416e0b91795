"""What a converter says is cut only once its secrets are out of it: of one at the cut no part is left (invariant 10)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.host.bench import PASSWORD, Bench

from pywats_archive.host.settings.secrets import redact_result
from pywats_archive.host.worker import cutting, entry

LONGEST_LINE, LONGEST_TRACEBACK = 2000, 100_000


@pytest.mark.parametrize("before", range(LONGEST_LINE - len("ValueError: ") - len(PASSWORD), LONGEST_LINE + 1, 2))
def test_no_part_of_a_secret_is_left_where_an_error_is_cut(bench: Bench, before: int) -> None:
    """Wherever in a secret the line ends, nothing of the secret is in it."""
    job = bench.converting(f"raise ValueError('-' * {before} + context.arguments['password'] + '-' * 5000)")
    job = replace(job, arguments={"password": PASSWORD})
    told = redact_result(entry.convert(job), job.arguments)
    assert told.error and len(told.error) > LONGEST_LINE - len("ValueError: ")
    assert set(told.error.removeprefix("ValueError: ").replace("[PASSWORD password]", "")) <= set(
        "-[PASSWORD password]"
    )
    assert PASSWORD[:3] not in told.error and PASSWORD[:1] not in told.error.partition("-")[2]


@pytest.mark.parametrize("kept", range(1, len(PASSWORD)))
def test_no_part_of_a_secret_is_left_where_a_traceback_is_cut(bench: Bench, kept: int) -> None:
    """A traceback keeps its end; of a secret at its beginning nothing is left."""
    after = LONGEST_TRACEBACK - kept - 1
    job = bench.converting(f"raise ValueError(context.arguments['password'] + '-' * {after})")
    job = replace(job, arguments={"password": PASSWORD})
    told = redact_result(entry.convert(job), job.arguments)
    assert told.traceback and set(told.traceback) - set("[PASSWORD password]") == {"-", "\n"}


def test_no_part_is_left_of_a_text_that_is_too_long_to_look_at(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even the whole text is looked at, what is left of a secret at the end of that goes too."""
    monkeypatch.setattr(cutting, "_MOST_EXAMINED", 300)
    cutting.know_arguments(replace(bench.job("m"), arguments={"password": PASSWORD}), None)
    for kept in range(1, len(PASSWORD)):
        text = "-" * (300 - kept) + PASSWORD + "-" * 50
        assert set(cutting.beginning(text, 299)) == {"-"}
        assert set(cutting.end(text[::-1].replace(PASSWORD[::-1], PASSWORD), 299)) == {"-"}
