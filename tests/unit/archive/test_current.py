"""Which report ids the next conversion of an entry may continue."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.catalog.made import entry, report

from pywats_archive.archive.results.current import Step, in_force
from pywats_archive.models.report import NEVER_SENT, Report, SubmissionState
from pywats_archive.models.time import utc_now


def given(conversion: int | None, *ids: str, state: SubmissionState = SubmissionState.ACCEPTED) -> list[Report]:
    """Reports of a conversion; the id begins with the unit."""
    accepted_at = utc_now() if state is SubmissionState.ACCEPTED else None
    return [
        replace(
            report(entry(1), number),
            report_id=each,
            conversion_id=conversion,
            serial_number=each[0],
            submission_state=state,
            accepted_at=accepted_at,
        )
        for number, each in enumerate(ids, 1)
    ]


def step(number: int, *, new: bool = False, back: bool = False) -> Step:
    return Step(conversion_id=number, gave_new_ids=new, is_rolled_back=back)


WITHHELD = SubmissionState.WITHHELD


@pytest.mark.parametrize(
    ("why", "every", "steps", "ids"),
    [
        ("all that were ever given", [*given(1, "A1", "B1"), *given(2, "B1", "C2")], [step(1), step(2)], ["A1", "B1", "C2"]),
        ("new ids take the place of the old", [*given(1, "A1", "B1"), *given(2, "B2")], [step(1), step(2, new=True)],
         ["A1", "B2"]),
        ("unless their run was taken back", [*given(1, "A1"), *given(2, "A2", "D2")], [step(1), step(2, new=True, back=True)],
         ["A1", "D2"]),
        ("or was not sent", [*given(1, "A1"), *given(2, "A2", state=WITHHELD)], [step(1), step(2, new=True)], ["A1"]),
        ("what a crash left", [*given(None, "A0", state=WITHHELD), *given(1, "A0", "B1")], [step(1)], ["A0", "B1"]),
        ("of a rebuilt catalog, the later ones",
         [*given(None, "A1", "C1", state=WITHHELD), *given(None, "A2", "B2", state=WITHHELD)], [], ["A2", "B2", "C1"]),
        ("nothing", [], [], []),
    ],
)  # fmt: skip
def test_ids_in_force(why: str, every: list[Report], steps: list[Step], ids: list[str]) -> None:
    """An id that the server has is continued by its unit, but for those that ``--new-id`` left behind (invariant 14)."""
    assert sorted(each.report_id for each in in_force(every, steps)) == sorted(ids), why


def test_an_id_stands_for_what_the_server_gets() -> None:
    """Under one id, what waits counts before what was accepted last, and that before what was recorded alone."""
    first, second = given(1, "A1")[0], given(2, "A1")[0]
    second = replace(second, serial_number="B")
    third = replace(given(3, "A1", state=WITHHELD)[0], serial_number="C")
    waiting = replace(third, submission_state=SubmissionState.WAITING)
    steps = [step(1), step(2), step(3)]
    assert [each.keys.unit for each in in_force([first, second, third], steps)] == ["b"]
    assert [each.keys.unit for each in in_force([first, second, waiting], steps)] == ["c"]


@pytest.mark.parametrize(
    ("changes", "may_be"),
    [
        ({"submission_state": SubmissionState.WAITING}, True),
        ({"submission_state": SubmissionState.REFUSED, "tries": 1}, False),
        ({"submission_state": SubmissionState.REFUSED, "tries": 2}, True),
        ({"submission_state": SubmissionState.REFUSED, "tries": 0}, False),
        ({"submission_state": WITHHELD}, False),
        ({"submission_state": WITHHELD, "tries": 1}, True),
        ({"submission_state": WITHHELD, "last_error": "run 3 was rolled back"}, True),
        ({"submission_state": WITHHELD, "conversion_id": None}, True),
        ({"submission_state": WITHHELD, "conversion_id": None, "last_error": NEVER_SENT}, False),
    ],
)
def test_what_the_server_may_have(changes: dict[str, object], may_be: bool) -> None:
    """Only what was surely never sent may be taken for nothing; a rebuilt catalog knows of none."""
    (known,) = given(1, "A1", state=SubmissionState.WAITING)
    assert replace(known, **changes).may_be_sent is may_be  # type: ignore[arg-type]
