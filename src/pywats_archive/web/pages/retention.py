"""The Retention page: policies, their limits, purges and holds; and the form of one policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from pywats_archive.client import Client
from pywats_archive.errors import UsageError
from pywats_archive.models.retention.policy import EVERY_OTHER, RetentionPolicy
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.station import station_of, user_of
from pywats_archive.web.views import retention as view
from pywats_archive.words.purges import effect

router = APIRouter(include_in_schema=False, dependencies=[needs(Action.READ)])
_PURGES = 50
_MOST_FIELDS, _LONGEST = 20, 400


async def sent(request: Request) -> dict[str, str]:
    """Return the fields of a form as they were typed, empty ones too; UsageError names one that the form does not have."""
    async with request.form(max_files=0, max_fields=_MOST_FIELDS) as form:
        given = {name: str(value)[:_LONGEST] for name, value in form.items()}
    unknown = sorted(set(given) - {"converter", "follow", "confirmed", *view.NAMES})
    if unknown:
        raise UsageError(f"the field '{unknown[0][:80]}' is unknown")
    return given


@router.get("/retention")
def retention(request: Request) -> Response:
    """Show the policies with what is used of their limits, the latest purges and all holds."""
    client = station_of(request).client
    figures = {each.converter_name: each for each in client.statistics().by_converter}
    policies = client.retention.policies()
    rows = [
        view.row(
            each.policy,
            is_own=each.is_own,
            differences=each.differences,
            figures=figures.get(each.policy.converter_name),
        )
        for each in policies
    ]
    return page(
        request,
        "retention.html",
        rows=sorted(rows, key=lambda each: each.name == EVERY_OTHER),
        purges=client.retention.history(_PURGES),
        holds=client.retention.holds(),
        approvals=client.retention.approvals(),
        clocks=[clock for clock in client.retention.clocks() if clock.doubt],
        reasons=view.REASONS,
    )


@router.get("/retention/policy")
def policy(request: Request, converter: str) -> Response:
    """Show the form of a policy; with its fields in the address, also what the changed policy would purge."""
    client, query = station_of(request).client, request.query_params
    present = client.retention.policy(_known(client, converter))
    is_asked = len(query) > 1
    wanted = _wanted(client, present, query) if is_asked else present
    plans = client.retention.effects(wanted)
    own = next(
        (each for each in client.retention.policies() if each.policy.converter_name == converter and each.is_own), None
    )
    return page(
        request,
        "policy.html",
        label=view.label(converter),
        converter=converter,
        fields=view.fields(wanted),
        wanted=wanted,
        follows=query.get("follow") == "yes",
        may_follow=own is not None and converter != EVERY_OTHER,
        differences=view.said(own.differences) if own else (),
        is_asked=is_asked,
        is_changed=wanted != present or query.get("follow") == "yes",
        effects=[effect(plan) for plan in plans],
        is_large=any(plan.is_large for plan in plans),
    )


@router.post("/retention/policy", dependencies=[needs(Action.POLICY)])
def save(request: Request, form: Annotated[dict[str, str], Depends(sent)]) -> Response:
    """Set a policy, or remove a converter's own; NeedsConfirmation if much would go and nobody agreed to that."""
    client, actor, is_confirmed = station_of(request).client, user_of(request), form.get("confirmed") == "yes"
    converter = _known(client, form.get("converter", ""))
    present = client.retention.policy(converter)
    if form.get("follow") == "yes":
        client.retention.reset_policy(converter, actor=actor, confirmed=is_confirmed)
    else:
        changed = view.changed(present, form)
        client.retention.set_policy(changed, actor=actor, confirmed=is_confirmed)
    return RedirectResponse("/retention", status_code=303)


@router.post("/retention/approvals/{number}", dependencies=[needs(Action.APPROVE)])
def approve(request: Request, number: int, archive: Annotated[str, Form(max_length=4096)]) -> Response:
    """Approve a request of another person in a compliant archive."""
    station_of(request).client.retention.approve(number, archive, actor=user_of(request))
    return RedirectResponse("/retention", status_code=303)


@router.post("/entries/{archive_id}/hold", dependencies=[needs(Action.HOLD)])
def hold(request: Request, archive_id: str, reason: Annotated[str, Form(max_length=1000)] = "") -> Response:
    """Keep an entry from every purge."""
    if not reason.strip():
        raise UsageError("a hold needs a reason; write why the entry must stay")
    station_of(request).client.retention.hold([archive_id], reason.strip(), actor=user_of(request))
    return RedirectResponse(f"/entries/{archive_id}", status_code=303)


@router.post("/entries/{archive_id}/release", dependencies=[needs(Action.HOLD)])
def release(request: Request, archive_id: str) -> Response:
    """Let an entry follow its policy again."""
    station_of(request).client.retention.release([archive_id], actor=user_of(request))
    return RedirectResponse(f"/entries/{archive_id}", status_code=303)


def _known(client: Client, converter: str) -> str:
    if converter != EVERY_OTHER:
        client.require_converter(converter)
    return converter


def _wanted(client: Client, present: RetentionPolicy, query: Mapping[str, str]) -> RetentionPolicy:
    if query.get("follow") == "yes":
        return replace(client.retention.policy(EVERY_OTHER), converter_name=present.converter_name)
    return view.changed(present, query)
