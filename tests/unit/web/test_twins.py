"""Every page has a JSON twin: what a person can see or do in the pages, a program can too."""

from __future__ import annotations

import pytest
from tests.web_places import ROUTES, methods_of, routes

TWINS = {
    "/": ("status", "received", "growth", "failure-reasons", "conversion-times", "converters", "pulse"),
    "/account": ("account",),
    "/archives": ("entries",),
    "/archives/chosen": ("bulk/preview",),
    "/archives/export": ("bulk/preview", "export"),
    "/archives/jobs/{key}": ("bulk/jobs/{key}",),
    "/archives/{action}": ("bulk/preview", "bulk/purge/preview"),
    "/entries/{archive_id}": (
        "entries/{archive_id}",
        "entries/{archive_id}/reports/{number}",
        "entries/{archive_id}/source",
    ),
    "/entries/{archive_id}/compare": ("entries/{archive_id}/comparison",),
    "/integrity": ("integrity", "integrity/findings"),
    "/integrity/audit": ("audit/page", "audit", "audit.csv"),
    "/retention": ("retention", "holds", "purges"),
    "/retention/policy": ("retention/policy", "POST retention/plan"),
    "/runs": ("runs",),
    "/runs/new": ("runs/choice",),
    "/runs/{run_id}": ("runs/{run_id}", "runs/{run_id}/changes", "runs/{run_id}/progress"),
    "/runs/{run_id}/send": ("runs/{run_id}",),
    "/settings": ("settings",),
    "/settings/about": ("settings/installation",),
    "/settings/wizard": ("settings",),
    "/settings/wizard/folder": ("POST settings/folder",),
    "/settings/wizard/keep": ("settings",),
    "/settings/wizard/limits": ("POST settings/load",),
    "/settings/wizard/summary": ("POST settings/plan",),
    "/users": ("users",),
    "/users/{name}": ("users/{name}",),
}
"""For each page the operations of the API that give the same, by default with GET."""
FORMS = {
    "/archives/export": "bag",
    "/archives/hold": "bulk/hold",
    "/archives/jobs/{key}/stop": "bulk/jobs/{key}/stop",
    "/archives/purge": "bulk/purge",
    "/archives/release": "bulk/release",
    "/archives/restore": "bulk/restore",
    "/retention/approvals/{number}": "approvals/{number}",
    "/settings/wizard": "settings",
}
"""The forms whose operation has another name."""
BROWSERS_ALONE = {"/sign-in", "/sign-out", "/account/password"}
"""Programs have tokens instead of a session and a password."""
OPERATIONS = {
    f"{method} {route.path_format.removeprefix('/api/v1/')}"
    for route in ROUTES
    if route.path.startswith("/api/v1/")
    for method in methods_of(route)
}


def test_every_page_has_a_twin() -> None:
    """A page that is added names its operations here."""
    assert {route.path for route in routes("GET")} - BROWSERS_ALONE == TWINS.keys()


@pytest.mark.parametrize("page", TWINS)
def test_the_twin_of_a_page_exists(page: str) -> None:
    """Each operation is one of the API."""
    assert {each if " " in each else f"GET {each}" for each in TWINS[page]} <= OPERATIONS


def test_every_form_has_a_twin() -> None:
    """An operation has the address of the form, or is named here."""
    forms = {route.path for route in routes("POST")} - BROWSERS_ALONE
    assert {f"POST {FORMS.get(form, form.removeprefix('/'))}" for form in forms} <= OPERATIONS
