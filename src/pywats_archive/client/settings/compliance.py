"""Which settings of a converter the rules of its compliant archive forbid."""

from __future__ import annotations

from collections.abc import Iterator

from pywats_archive.archive.core import Archive
from pywats_archive.config.keys import RETENTION_KEYS
from pywats_archive.models.retention.compliance import ARCHIVING, Rule
from pywats_archive.models.retention.configured import applied, is_shrinking
from pywats_archive.models.settings.changes import SettingChange, SettingFault, SettingsPlan


def faults(plan: SettingsPlan, archive: Archive | None) -> list[tuple[Rule, SettingFault]]:
    """Return what a plan would write against the rules of its archive; nothing if that is not compliant."""
    return list(_faults(plan, archive)) if archive else []


def require_allowed(plan: SettingsPlan, archive: Archive, *, actor: str) -> None:
    """Raise ComplianceRefused if a plan would write something against the rules of its compliant archive."""
    for rule, fault in _faults(plan, archive):
        after = next(each.after for each in plan.changes if each.key == fault.key)
        advice = f"{fault.key} of '{plan.converter_name}' stays as it is"
        archive.compliance.refuse(
            rule, advice, actor=actor, converter_name=plan.converter_name, keys={fault.key: after}
        )


def _faults(plan: SettingsPlan, archive: Archive) -> Iterator[tuple[Rule, SettingFault]]:
    for change in plan.changes:
        if rule := _broken(change, plan.converter_name, archive):
            message = f"This is a compliant archive: {rule.sentence}"
            yield rule, SettingFault(key=change.key, message=message)


def _broken(change: SettingChange, converter_name: str, archive: Archive) -> Rule | None:
    if change.key == "compliance" and not change.after:
        return Rule.SETTING
    if change.key in ARCHIVING and change.after != ARCHIVING[change.key]:
        return Rule.ARCHIVING
    if change.key in RETENTION_KEYS:
        before = archive.policies.effective(converter_name)
        if is_shrinking(before, applied(before, {RETENTION_KEYS[change.key]: change.after})):
            return Rule.RETENTION
    return None
