"""Which new report continues which earlier one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_archive.archive.pairing import paired, unpaired
from pywats_archive.models.pairing import Earlier, Keys, Link, New, Pairing
from pywats_archive.models.report import ReportSummary

TEN, ELEVEN, TWELVE = (f"2026-02-13T{hour}:00:00+00:00" for hour in (10, 11, 12))


def keys_of(sn: str | None, *, pn: str = "P1", process: str = "10", start: str = TEN) -> Keys:
    summary = ReportSummary(
        own_id=None, serial_number=sn, part_number=pn, process=process, result=None, start_time=start
    )
    return Keys.of(summary)


def old(report_id: str, sn: str | None, *, is_sent: bool = True, **keys: str) -> Earlier:
    return Earlier(report_id=report_id, keys=keys_of(sn, **keys), is_sent=is_sent)


def new(*each: tuple[str | None, dict[str, Any]] | str | None) -> list[New]:
    made = []
    for ordinal, one in enumerate(each, 1):
        sn, keys = one if isinstance(one, tuple) else (one, {})
        own_id = keys.pop("own_id", None)
        made.append(New(ordinal=ordinal, keys=keys_of(sn, **keys), own_id=own_id))
    return made


def told(pairing: Pairing) -> list[str]:
    """Each new report's partner, ``new`` or ``?``."""
    return [pair.report_id or {Link.NEW: "new", Link.AMBIGUOUS: "?"}[pair.link] for pair in pairing.pairs]


def test_the_first_reports_of_an_entry_continue_none() -> None:
    """The short way for an entry without reports decides what the long way does."""
    assert unpaired(3) == paired((), new("S1", ("S1", {"own_id": "a"}), None))
    assert unpaired(0) == paired((), ())


def left(pairing: Pairing) -> list[str]:
    return [each.report_id for each in pairing.no_successor]


ABC = [old("a", "A"), old("b", "B"), old("c", "C")]
Case = tuple[str, Sequence[Earlier], Sequence[New], list[str], list[str]]
UNITS: list[Case] = [
    ("one more in front", ABC[1:], new("A", "B", "C"), ["new", "b", "c"], []),
    ("another order", ABC, new("C", "A", "B"), ["c", "a", "b"], []),
    ("one less", ABC, new("A", "C"), ["a", "c"], ["b"]),
    ("all others", ABC[:2], new("X", "Y"), ["new", "new"], ["a", "b"]),
    ("another unit, one on each side", ABC[:1], new("B"), ["new"], ["a"]),
    ("no report any more", ABC[:2], new(), [], ["a", "b"]),
    ("a serial number in other letters", [old("a", "sn1")], new(" SN1 "), ["a"], []),
    ("another way to write the start", [old("a", "A"), old("b", "A", start=ELEVEN)],
     new(("A", {"start": "2026-02-13T12:00:00+01:00"}), ("A", {"start": "2026-02-13T10:00:00Z"})), ["b", "a"], []),
    ("several tests of a unit", [old("a", "A"), old("b", "A", start=ELEVEN)],
     new(("A", {"start": ELEVEN}), ("A", {"start": TWELVE})), ["b", "?"], []),
    ("a corrected start, operations differ", [old("a", "A"), old("b", "A", process="20")],
     new(("A", {"process": "20", "start": ELEVEN}), ("A", {"start": TWELVE})), ["b", "a"], []),
    ("a corrected part number, starts differ", [old("a", "A"), old("b", "A", start=ELEVEN)],
     new(("A", {"pn": "P2", "start": ELEVEN}), ("A", {"pn": "P2"})), ["b", "a"], []),
    ("all corrected but for the unit, one of it on each side", [*ABC, old("z", "Z")],
     new("C", ("Z", {"pn": "P2", "process": "20", "start": ELEVEN})), ["c", "z"], ["a", "b"]),
    ("two equal earlier ones", [old("a", "A"), old("b", "A"), old("c", "C")], new("A", "C"), ["?", "c"], []),
    ("two equal new ones", [old("a", "A"), old("c", "C")], new("C", "A", "A"), ["c", "?", "?"], []),
    ("two equal ones on each side", [old("a", "A"), old("b", "A")], new("A", "A"), ["?", "?"], []),
    ("two equal new ones of a new unit", [old("c", "C")], new("A", "C", "A"), ["new", "c", "new"], []),
    ("starts that moved by the gap of the tests", [old("a", "A"), old("b", "A", start=ELEVEN)],
     new(("A", {"start": ELEVEN, "own_id": "a"}), ("A", {"start": TWELVE, "own_id": "b"})), ["?", "?"], []),
]  # fmt: skip
NO_UNIT: list[Case] = [
    ("it is read now, one on each side", [old("u", "UNKNOWN", pn="?")], new(("A", {"start": TWELVE})), ["u"], []),
    ("it is read now, the others are as they were", [old("u", ""), *ABC], new("A", "B", "X", "C"), ["a", "b", "u", "c"], []),
    ("it is read now, at another time than the others", [old("u", "N/A"), *ABC[:1]], new("A", ("X", {"start": TWELVE})),
     ["a", "new"], ["u"]),
    ("two of them, one is read now", [old("u", None), old("v", None, start=ELEVEN)], new("A", (None, {"start": ELEVEN})),
     ["u", "v"], []),
    ("it is read no more", [old("a", "A")], new("UNKNOWN"), ["new"], ["a"]),
    ("none on both sides, one each", [old("u", None, start=TEN)], new((None, {"start": TWELVE})), ["u"], []),
    ("none on both sides, equal", [old("u", None), old("v", "---")], new(None, None), ["?", "?"], []),
    ("none on both sides, told apart", [old("u", None), old("v", "n/a", start=ELEVEN)],
     new((None, {"start": ELEVEN}), (None, {})), ["v", "u"], []),
]  # fmt: skip
OWN_IDS: list[Case] = [
    ("it goes before what may be corrected", [old("a", "A"), old("b", "A", start=ELEVEN)],
     new(("A", {"start": TWELVE, "own_id": "a"}), ("A", {"start": ELEVEN, "own_id": "b"})), ["a", "b"], []),
    ("it is written in another way", [old("0A000000-0000-0000-0000-00000000000F", "A", start=ELEVEN), *ABC[:1]],
     new(("A", {"own_id": "{0a000000-0000-0000-0000-00000000000f}", "pn": "P3", "start": TWELVE}), "A"),
     ["0A000000-0000-0000-0000-00000000000F", "a"], []),
    ("ids that go by the place are no sign", [old("1", "B"), old("2", "C")],
     new(("A", {"own_id": "1"}), ("B", {"own_id": "2"}), ("C", {"own_id": "3"})), ["new", "1", "2"], []),
    ("two reports of one id", [old("1", "A"), old("x", "B")],
     new(("A", {"own_id": "1"}), ("B", {"own_id": "1"})), ["1", "x"], []),
    ("the serial number is read now", [old("1", "UNKNOWN"), old("2", "")],
     new(("A", {"own_id": "1"}), ("B", {"own_id": "2"})), ["1", "2"], []),
    ("another serial number under the same id", [old("1", "A"), old("2", "B")],
     new(("X", {"own_id": "1"}), ("B", {"own_id": "2"})), ["?", "2"], []),
    ("the serial number is read no more", [old("1", "A")], new((None, {"own_id": "1"})), ["?"], []),
]  # fmt: skip


@pytest.mark.parametrize(("why", "earlier", "made", "partners", "without"), [*UNITS, *NO_UNIT, *OWN_IDS])
def test_a_report_continues_the_one_of_its_test(
    why: str, earlier: Sequence[Earlier], made: Sequence[New], partners: list[str], without: list[str]
) -> None:
    """What a test is decides, never its place; what is not certain is left to a person (invariant 14)."""
    pairing = paired(earlier, made)
    assert (told(pairing), left(pairing)) == (partners, without), why
    assert (pairing.ambiguity is not None) == ("?" in partners)


GREW: list[Case] = [
    ("a unit was appended", ABC[:1], new("A", "B"), ["a", "new"], []),
    ("another test of the unit was appended", ABC[:1], new("A", ("A", {"start": ELEVEN})), ["a", "new"], []),
    ("the last test alone is read, of the same unit", ABC[:1], new(("A", {"start": ELEVEN})), ["new"], ["a"]),
    ("one key of a test differs", ABC[:1], new(("A", {"pn": "P2"})), ["new"], ["a"]),
    ("an id of its own stays", ABC[:1], new(("A", {"start": ELEVEN, "own_id": "a"})), ["a"], []),
    ("an id of its own stands for another unit", ABC[:1], new(("B", {"own_id": "a"})), ["?"], []),
    ("no unit is named", [old("u", None)], new(None, None), ["?", "?"], []),
    ("no unit is named, one on each side", [old("u", None)], new(None), ["?"], []),
    ("two equal new ones", ABC[:1], new("A", "A"), ["?", "?"], []),
    ("what was never sent keeps its id", [old("a", "A", is_sent=False)], new("A", "B"), ["a", "new"], []),
]  # fmt: skip


@pytest.mark.parametrize(("why", "earlier", "made", "partners", "without"), GREW)
def test_of_a_file_that_grew_only_four_equal_keys_or_an_own_id_make_one_test(
    why: str, earlier: Sequence[Earlier], made: Sequence[New], partners: list[str], without: list[str]
) -> None:
    """What was appended may be another test of the same unit, so that nothing is taken for a correction (invariant 14)."""
    pairing = paired(earlier, made, is_grown=True)
    assert (told(pairing), left(pairing)) == (partners, without), why


def test_of_a_file_that_grew_one_document_is_one_test() -> None:
    """An unchanged report without a serial number is known by its document; the one that was appended is new."""
    pairing = paired([old("u", None)], new(None, None), alike=lambda report_id, ordinal: ordinal == 1, is_grown=True)
    assert told(pairing) == ["u", "new"]


def test_equal_tests_are_told_apart_by_their_documents() -> None:
    """Of reports with equal keys those of one document belong together, and so do the two that are left then."""
    earlier, made = [old("a", "A"), old("b", "A"), old("c", "A")], new("A", "A", "A")
    documents = {("b", 1), ("c", 3)}
    pairing = paired(earlier, made, alike=lambda report_id, ordinal: (report_id, ordinal) in documents)
    assert told(pairing) == ["b", "a", "c"]


def test_what_was_never_sent_needs_no_person() -> None:
    """Equal reports that the server never got keep their ids in their order; of another unit, they need no successor."""
    unsent = [old("a", "A", is_sent=False), old("b", "A", is_sent=False), old("x", "X", is_sent=False)]
    pairing = paired([*unsent, old("c", "C")], new("C", "A", "A", ("D", {"own_id": "x"})))
    assert (told(pairing), left(pairing)) == (["c", "a", "b", "x"], [])


def test_a_person_may_say_that_a_unit_has_another_serial_number_now() -> None:
    """Then the only report of a source, and the one of the same id, continues what stood for another unit."""
    assert told(paired([old("a", "A")], new("B"), is_unit_changed=True)) == ["a"]
    made = new(("X", {"own_id": "1"}), ("Y", {"own_id": "2"}))
    assert told(paired([old("1", "A"), old("2", "B")], made, is_unit_changed=True)) == ["1", "2"]
    assert told(paired([old("a", "A"), old("b", "B")], new("X", "Y"), is_unit_changed=True)) == ["new", "new"]


KEYS = st.fixed_dictionaries(
    {"pn": st.sampled_from(["P1", "P2"]), "start": st.sampled_from([TEN, ELEVEN]), "process": st.just("10")}
)
SERIALS = st.sampled_from(["A", "B", "C", "UNKNOWN", None])
IDS = st.sampled_from([None, "1", "2", "3"])


@given(
    st.lists(st.tuples(SERIALS, KEYS, st.booleans()), max_size=5),
    st.lists(st.tuples(SERIALS, KEYS, IDS), max_size=5),
)
def test_no_report_takes_another_units_place(
    before: list[tuple[str | None, dict[str, str], bool]], after: list[tuple[str | None, dict[str, str], str | None]]
) -> None:
    """A sent report of a unit is continued by that unit's or by none, once, and none is forgotten (invariant 14)."""
    earlier = [old(str(n), sn, is_sent=is_sent, **keys) for n, (sn, keys, is_sent) in enumerate(before, 1)]
    made = new(*((sn, {**keys, "own_id": own_id}) for sn, keys, own_id in after))
    pairing = paired(earlier, made)
    assert [pair.ordinal for pair in pairing.pairs] == [each.ordinal for each in made]
    continued = [pair.report_id for pair in pairing.pairs if pair.report_id]
    assert len(set(continued)) == len(continued)
    by_id = {each.report_id: each for each in earlier}
    for pair, each in zip(pairing.pairs, made, strict=True):
        if pair.report_id and pair.is_sent:
            assert by_id[pair.report_id].keys.unit in (None, each.keys.unit)
    rest = [each.report_id for each in (*pairing.no_successor, *pairing.undecided)]
    of_sent = [each.report_id for each in earlier if each.is_sent]
    assert sorted([*rest, *(report_id for report_id in continued if by_id[report_id].is_sent)]) == sorted(of_sent)
