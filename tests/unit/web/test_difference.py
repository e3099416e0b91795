"""The differences of two reports by step and field."""

from __future__ import annotations

from pywats_archive.models.operation.replay import Change, ChangeKind
from pywats_archive.web.views.difference import rows

OLD = {"root": {"name": "Main", "steps": [{"name": "Power", "steps": [{"name": "R1", "numericMeas": [{"value": 1}]}]}]}}


def _row(path: str, kind: ChangeKind = ChangeKind.CHANGED, **values: object) -> tuple[str, str, str, str]:
    (row,) = rows([Change(path=path, kind=kind, **values)], OLD)
    return row.step, row.field, row.old, row.new


def test_a_field_of_a_step_and_of_the_report() -> None:
    """The step is named as the old report names it."""
    path = "/root/steps[0]/steps[0]/numericMeas[0]/value"
    assert _row(path, old=1, new=2.5) == ("Power / R1", "numericMeas[0] value", "1", "2.5")
    assert _row("/sn", old="SN1", new="SN2") == ("", "sn", "SN1", "SN2")


def test_a_whole_step() -> None:
    """A step that came or went is named as itself, without the steps below it."""
    new = {"name": "R2", "status": "P", "steps": [{"name": "below"}]}
    added = _row("/root/steps[0]/steps[0]", ChangeKind.ADDED, new=new)
    assert added == ("Power / R2", "whole step", "", '{"name": "R2", "status": "P"}')
    assert _row("/root/steps[7]", ChangeKind.REMOVED, old=5) == ("step 8", "whole step", "5", "")


def test_any_path_is_a_row() -> None:
    """Paths of foreign documents lead nowhere at times; nothing raises."""
    for path in ("/", "", "/a[0]/b[99]", "/root/steps[0]/steps", "/root[1]/steps[x]/[2]", "/steps[0]"):
        assert len(rows([Change(path=path, kind=ChangeKind.CHANGED, old={"a": None}, new=[1])], OLD)) == 1
