"""The wizard: four forms that switch the archive of a converter on. Their answers stand in the address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from pywats_archive.client import Client
from pywats_archive.errors import ConfigChanged, UnknownConverter, UsageError
from pywats_archive.models.retention.policy import EVERY_OTHER, RetentionPolicy
from pywats_archive.models.settings.changes import SettingsPlan
from pywats_archive.web.access.guard import is_from_here
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.station import station_of, user_of
from pywats_archive.web.views.settings import shown
from pywats_archive.web.views.settings import wizard as view
from pywats_archive.web.views.settings.wizard import NAMES, Answers, Step
from pywats_archive.words import purges

router = APIRouter(include_in_schema=False, dependencies=[needs(Action.SETTINGS)])
_LONGEST = 4000
_MOST_FIELDS = 20
_PATH = "/settings/wizard"


def asked(request: Request) -> Mapping[str, str]:
    """Return the fields in the address; UsageError names one that no form has."""
    return _known(request.query_params)


async def sent(request: Request) -> Mapping[str, str]:
    """Return the fields of a form; UsageError names one that no form has."""
    async with request.form(max_files=0, max_fields=_MOST_FIELDS) as form:
        return _known({name: str(value) for name, value in form.items()})


Asked = Annotated[Mapping[str, str], Depends(asked)]
Sent = Annotated[Mapping[str, str], Depends(sent)]


@router.get(_PATH)
def choose(request: Request) -> Response:
    """Choose a converter."""
    client = station_of(request).client
    if client.config is None:
        return RedirectResponse("/settings", status_code=303)
    found = client.settings.converters()
    cards = [shown.card(each, config_name=client.config.name, policy=None, service=None) for each in found]
    return page(request, "settings/choose.html", cards=sorted(cards, key=lambda each: each.is_archived))


@router.get(f"{_PATH}/folder")
def folder(request: Request, fields: Asked) -> Response:
    """Ask for the folder; doctor's verdict on the folder that is shown."""
    client = station_of(request).client
    found, _ = _answers(client, fields, (Step.FOLDER,))
    is_fine = not found.faults and is_from_here("POST", request.headers)  # a link of another site must touch no folder
    checked = view.verdict(client.settings.examine(found.value("archive_folder"))) if is_fine else None
    return page(request, "settings/folder.html", answers=found, step=Step.FOLDER, steps=view.LABELS, verdict=checked)


@router.get(f"{_PATH}/keep")
def keep(request: Request, fields: Asked) -> Response:
    """Ask what to keep of each file."""
    found, _ = _answers(station_of(request).client, fields, (Step.FOLDER, Step.KEEP))
    return _back(found, Step.KEEP) or page(
        request, "settings/keep.html", answers=found, step=Step.KEEP, steps=view.LABELS
    )


@router.get(f"{_PATH}/limits")
def limits(request: Request, fields: Asked) -> Response:
    """Ask how long and how much is kept; with a forecast. An archive that knows the converter has its policy already."""
    client = station_of(request).client
    found, plan = _answers(client, fields, (Step.FOLDER, Step.KEEP, Step.LIMITS))
    if back := _back(found, Step.LIMITS):
        return back
    policy = _policy(client, plan)
    return page(
        request,
        "settings/limits.html",
        answers=found,
        step=Step.LIMITS,
        steps=view.LABELS,
        policy=purges.limits(policy) if policy else "",
        policy_address=f"/retention/policy?{shown.query(converter=found.converter)}",
        forecast=None if found.faults else _forecast(client, found, policy),
    )


@router.get(f"{_PATH}/summary")
def summary(request: Request, fields: Asked) -> Response:
    """Show what would be written."""
    return _summary(request, fields)


@router.post(_PATH)
def save(request: Request, fields: Sent) -> Response:
    """Write the configuration, unless it changed meanwhile."""
    client, checksum = station_of(request).client, fields.get("checksum", "")
    steps = _steps(client, fields)
    found, plan = _answers(client, fields, steps)
    if back := _back(found, Step.SUMMARY):
        return back
    wanted = view.answers(found, _names(steps))
    try:
        client.settings.save(found.converter, wanted, checksum=checksum or "none", actor=user_of(request))
    except ConfigChanged as exc:
        return _summary(request, fields, code=409, wrong=str(exc).partition(": ")[2])
    return RedirectResponse(f"/settings?{shown.query(saved=plan.converter_name)}", status_code=303)


def _summary(request: Request, fields: Mapping[str, str], *, code: int = 200, wrong: str = "") -> Response:
    client = station_of(request).client
    steps = _steps(client, fields)
    found, plan = _answers(client, fields, steps)
    if back := _back(found, Step.SUMMARY):
        return back
    return page(
        request,
        "settings/summary.html",
        code=code,
        wrong=wrong,
        answers=found,
        step=Step.SUMMARY,
        steps=view.LABELS,
        lines=view.difference(plan.changes),
        checksum=plan.checksum,
        config=client.config,
        archive=plan.archive,
        is_served=any(each.state.is_working for each in client.services()),
    )


def _known(given: Mapping[str, str]) -> Mapping[str, str]:
    fields = {name: value[:_LONGEST] for name, value in given.items()}
    if unknown := sorted(set(fields) - {"converter", "checksum", *NAMES}):
        raise UsageError(f"the field '{unknown[0][:80]}' is unknown")
    return fields


def _answers(client: Client, fields: Mapping[str, str], steps: Iterable[Step]) -> tuple[Answers, SettingsPlan]:
    """Return the answers with what is wrong with those of some steps, and the plan that they make."""
    name = fields.get("converter", "")
    configured = next((each for each in client.settings.converters() if each.name == name), None)
    if configured is None:
        raise UnknownConverter(f"no converter of the configuration is called '{name}'; choose one in Settings")
    given = {key: value for key, value in fields.items() if key in NAMES}
    is_new = not configured.value("archive_enabled")
    known = Answers(converter=name, given=given, present=view.present(configured), is_new=is_new)
    if is_new:
        archive = client.settings.plan(name, view.answers(known, view.FIELDS[Step.FOLDER])).archive
        known = replace(
            known, present=view.present(configured, others=_policies(client).get((str(archive), EVERY_OTHER)))
        )
    plan = client.settings.plan(name, view.answers(known, _names(steps)))
    return replace(known, faults=view.faults_of(plan.faults)), plan


def _names(steps: Iterable[Step]) -> list[str]:
    return [name for step in steps for name in view.FIELDS.get(step, ())]


def _steps(client: Client, fields: Mapping[str, str]) -> tuple[Step, ...]:
    """Return the forms that count: not the one of the limits, if the archive has a policy for the converter."""
    before = (Step.FOLDER, Step.KEEP)
    _, plan = _answers(client, fields, before)
    return before if _policy(client, plan) else (*before, Step.LIMITS)


def _back(found: Answers, step: Step) -> Response | None:
    """Return the way back to an earlier form with a wrong answer."""
    wrong, order = found.wrong_step(), list(Step)
    is_earlier = wrong is not None and order.index(wrong) < order.index(step)
    return RedirectResponse(found.address(wrong), status_code=303) if wrong and is_earlier else None


def _policy(client: Client, plan: SettingsPlan) -> RetentionPolicy | None:
    """Return the policy that the archive has for the converter; None if the converter is new there."""
    return (
        _policies(client).get((str(plan.archive), plan.converter_name)) if plan.converter_name != EVERY_OTHER else None
    )


def _policies(client: Client) -> Mapping[tuple[str, str], RetentionPolicy]:
    return shown.policies_by((each.archive, each.policy) for each in client.retention.policies())


def _forecast(client: Client, found: Answers, policy: RetentionPolicy | None) -> view.Forecast | None:
    load = client.settings.expected(found.converter, level=int(found.value("compression_level")))
    if load is None or (policy and not policy.enabled):
        return None
    return view.forecast(
        load,
        days=policy.retention_days if policy else int(found.value("retention_days")),
        max_gb=policy.max_size_gb if policy else float(found.value("max_archive_size_gb")),
        sources=found.value("archive_source_files") == "true",
        reports=found.value("archive_output_reports") == "true",
    )
