"""The Reprocess pages: choose, compare and send, and the runs on record."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from pywats_archive.errors import NeedsConfirmation
from pywats_archive.models.operation.replay import ReplayRequest, RunState
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.replaying import NO_CONFIG, Replaying, replayed
from pywats_archive.web.views import runs as view
from pywats_archive.web.views.words import visible

router = APIRouter(include_in_schema=False, dependencies=[needs(Action.READ)])
Number = Annotated[str, Form(max_length=20)]


@router.get("/runs")
def latest(request: Request) -> Response:
    """Show the latest runs, of each archive."""
    replaying = Replaying(request)
    roots = [replaying.archive] if replaying.archive else replaying.client.roots
    return page(
        request,
        "runs.html",
        groups=[(root, _suffix(replaying, str(root)), replaying.client.runs(root)) for root in roots],
        view=view,
        activity_of=lambda root, run: view.activity(
            run.state,
            replaying.station.launcher.verb(run.run_id, root),
            is_locked=replaying.client.is_replaying(root),
        ),
        no_config="" if replaying.client.config else NO_CONFIG,
    )


@router.get("/runs/new")
def choose(request: Request) -> Response:
    """Show what a view would replay, and how it may be compared."""
    replaying = Replaying(request)
    asked = replaying.view()
    is_possible = bool(replaying.client.config) and not replaying.is_ambiguous
    choice = replaying.choice(replayed(asked)) if is_possible else None
    return page(
        request,
        "choose.html",
        asked=asked,
        query=asked.query(sort="", order=""),
        archive=str(replaying.archive or ""),
        archives=[(root, urlencode({"archive": root})) for root in replaying.client.roots]
        if replaying.is_ambiguous
        else [],
        choice=choice,
        about=view.about(choice.seconds) if choice else "",
        since=replaying.newest() if is_possible else 0,
        no_config="" if replaying.client.config else NO_CONFIG,
    )


@router.post("/runs", dependencies=[needs(Action.REPLAY)])
def compare(
    request: Request,
    since: Number = "",
    original_converter: Annotated[str, Form(max_length=3)] = "",
    original_parameters: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Start a comparison."""
    replaying = Replaying(request)
    how = ReplayRequest(use_current_converter=not original_converter, use_current_parameters=not original_parameters)
    run_id = replaying.compare(replayed(replaying.view()), how, since=_number(since))
    return _to(replaying, run_id)


@router.get("/runs/{run_id}")
def run(request: Request, run_id: int) -> Response:
    """Show a run: its progress, outcomes, changes and what to do next."""
    replaying = Replaying(request)
    progress = replaying.progress(run_id)
    result = replaying.result(run_id)
    return page(
        request,
        "run.html",
        result=result,
        progress=progress,
        kind=view.kind(result.request),
        badge=view.state_badge(result.state, progress.activity),
        chosen=visible(view.chosen(result.request.get("selection", {}))),
        outcomes=view.outcomes(result),
        turns=view.turns(result),
        at_server=view.at_server(result),
        changes=view.changes(result.changes),
        most=view.MOST_LINES,
        why_not_sent=view.why_not_sent(result),
        to_send=view.to_send(result),
        can_replay=bool(replaying.client.config),
        is_running=result.state is RunState.RUNNING,
        can_take_back=result.shown and result.state in (RunState.DONE, RunState.CANCELLED),
        trouble=replaying.trouble(run_id),
        suffix=_suffix(replaying),
    )


@router.get("/runs/{run_id}/send")
def confirm(request: Request, run_id: int) -> Response:
    """Show what will be sent, and ask for the number of reports."""
    return _sending(request, run_id)


@router.post("/runs/{run_id}/send", dependencies=[needs(Action.REPLAY)])
def send(
    request: Request,
    run_id: int,
    reports: Number = "",
    reason: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Send what a comparison found."""
    replaying = Replaying(request)
    try:
        sent = replaying.send(run_id, reports=_number(reports), reason=reason)
    except NeedsConfirmation as exc:
        return _sending(request, run_id, wrong=str(exc), reports=reports, reason=reason)
    return _to(replaying, sent)


@router.post("/runs/{run_id}/resume", dependencies=[needs(Action.REPLAY)])
def resume(request: Request, run_id: int) -> Response:
    """Have the rest of a run carried out."""
    Replaying(request).resume(run_id)
    return _to(Replaying(request), run_id)


@router.post("/runs/{run_id}/cancel", dependencies=[needs(Action.REPLAY)])
def cancel(request: Request, run_id: int) -> Response:
    """Cancel a run."""
    Replaying(request).cancel(run_id)
    return _to(Replaying(request), run_id)


@router.post("/runs/{run_id}/take-back", dependencies=[needs(Action.REPLAY)])
def take_back(request: Request, run_id: int) -> Response:
    """Take a run back."""
    Replaying(request).take_back(run_id)
    return _to(Replaying(request), run_id)


def _sending(request: Request, run_id: int, *, wrong: str = "", reports: str = "", reason: str = "") -> Response:
    replaying = Replaying(request)
    result = replaying.result(run_id)
    return page(
        request,
        "send.html",
        code=409 if wrong else 200,
        result=result,
        why_not=view.why_not_sent(result) if replaying.client.config else NO_CONFIG,
        to_send=view.to_send(result),
        at_server=view.at_server(result),
        turns=view.turns(result),
        wrong=wrong,
        reports=reports,
        reason=reason,
        suffix=_suffix(replaying),
    )


def _to(replaying: Replaying, run_id: int) -> Response:
    return RedirectResponse(f"/runs/{run_id}{_suffix(replaying)}", status_code=303)


def _suffix(replaying: Replaying, root: str = "") -> str:
    """Return the query string that names the archive, where a station has several."""
    named = root or str(replaying.archive or "")
    return f"?{urlencode({'archive': named})}" if named and len(replaying.client.roots) > 1 else ""


def _number(text: str) -> int | None:
    digits = text.replace(",", "").replace(" ", "")
    return int(digits) if digits.isascii() and digits.isdecimal() else None
