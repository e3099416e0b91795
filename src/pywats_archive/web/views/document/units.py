"""The units of a report: sub units, what failed in a repaired one and its parts, and the test equipment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pywats_archive.web.views.words import visible

_MOST = 500
_REPLACED = ("artNumber", "artRev", "artVendor", "artDescription")


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """One sub unit."""

    kind: str
    part: str
    revision: str
    serial: str
    """As it is shown."""
    wanted: str
    """As it is looked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """One failure that a repair found."""

    unit: str
    category: str
    code: str
    component: str
    """Reference and block of the component."""
    part: str
    """The component's article: number, revision, vendor, description."""
    step: str
    comment: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Equipment:
    """One asset that the test used."""

    serial: str
    kind: str
    part: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Units:
    """What a report says of units, failures and equipment."""

    is_repair: bool
    units: tuple[Unit, ...]
    failures: tuple[Failure, ...]
    equipment: tuple[Equipment, ...]


def units(report: Mapping[str, Any]) -> Units:
    """Return the units of a test report or a repair report."""
    members = _members(report.get("subUnits"))
    messages = {_text(each, "sn"): _text(each, "message") for each in _members(report.get("assetStats"))}
    return Units(
        is_repair=report.get("type") == "R",
        units=tuple(_unit(each) for each in members),
        failures=tuple(_failure(unit, each) for unit in members for each in _members(unit.get("failures")))[:_MOST],
        equipment=tuple(_equipment(each, messages) for each in _members(report.get("assets"))),
    )


def _unit(given: Mapping[str, Any]) -> Unit:
    return Unit(
        kind=_text(given, "partType"),
        part=_text(given, "pn", "partNumber"),
        revision=_text(given, "rev"),
        serial=_text(given, "sn", "serialNumber"),
        wanted=str(given.get("sn") or "")[:300],
    )


def _failure(unit: Mapping[str, Any], given: Mapping[str, Any]) -> Failure:
    return Failure(
        unit=_text(unit, "sn") or _text(unit, "pn"),
        category=_text(given, "category"),
        code=_text(given, "code"),
        component=_joined(given, "comRef", "funcBlock"),
        part=_joined(given, *_REPLACED),
        step=_text(given, "refStepName"),
        comment=_text(given, "comment"),
    )


def _equipment(given: Mapping[str, Any], messages: Mapping[str, str]) -> Equipment:
    serial = _text(given, "sn", "assetSN")
    return Equipment(
        serial=serial, kind=_text(given, "assetType"), part=_text(given, "partNumber"), message=messages.get(serial, "")
    )


def _members(given: object) -> list[Mapping[str, Any]]:
    return [each for each in given if isinstance(each, Mapping)][:_MOST] if isinstance(given, list) else []


def _joined(given: Mapping[str, Any], *names: str) -> str:
    return ", ".join(text for name in names if (text := _text(given, name)))


def _text(given: Mapping[str, Any], *names: str) -> str:
    return next((visible(given[name]) for name in names if given.get(name) not in (None, "")), "")
