"""Every address of the pages, from the routes themselves, so that a new page or form cannot be forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from fastapi.routing import APIRoute

from pywats_archive.web import app
from pywats_archive.web.jobs.actions import Bulk
from pywats_archive.web.views.settings.wizard import Step
from tests.hostile import NAME
from tests.hostile_station import CONVERTER, SWITCHED_OFF, TEXT, Hostile

ROUTES = [route for router in app.ROUTERS for route in router.routes if isinstance(route, APIRoute)]
TABS = ("report", "source", "conversions", "history", "about")
SOURCES = ("json", "xml", "picture", "binary", "folder", "long", "svg", "empty")
NOT_FORMS = ("/sign-out", "/integrity/stop", "/archives/jobs/{key}/stop")
"""Buttons without a field, which are never refused."""


def routes(method: str) -> list[APIRoute]:
    """Return the routes of the pages, without the API, that a browser asks with this method."""
    found = (route for route in ROUTES if method in methods_of(route) and not route.path.startswith("/api/"))
    return sorted(found, key=lambda route: route.path)


def methods_of(route: APIRoute) -> set[str]:
    """Return the methods of a route."""
    return route.methods or set()


def pages_of_routes(made: Hostile) -> dict[str, list[str]]:
    """Return for each page where to see it; one without parameters is at its own address."""
    entries, converter = made.entries, quote(CONVERTER)
    views = [f"/entries/{entries[key]}?tab={tab}" for key in ("plain", "hostile", "repair", "failed") for tab in TABS]
    views += [f"/entries/{entries[key]}?tab=source" for key in SOURCES]
    views += [f"/entries/{entries['folder']}?" + urlencode({"tab": "source", "member": f"deep/{NAME}"})]
    views += [f"/entries/{entries['hostile']}?report=2", f"/entries/{entries['hostile']}?failed=yes"]
    wizard = {
        f"/settings/wizard/{step.value}": [
            f"/settings/wizard/{step.value}?{urlencode({'converter': name, **given})}"
            for name in (SWITCHED_OFF, CONVERTER)
            for given in ({}, {"archive_folder": TEXT[:99]})
        ]
        for step in Step
    }
    known = {
        **wizard,
        "/archives": [
            "/archives",
            "/archives?serial=none",
            f"/archives?q=SN&status=success&submission=refused&converter={converter}",
        ],
        "/archives/chosen": [f"/archives/chosen?do=hold&id={entries['hostile']}&id={entries['plain']}"],
        "/archives/export": ["/archives/export?status=success", "/archives/export?serial=none"],
        "/archives/jobs/{key}": [made.job],
        "/archives/{action}": [f"/archives/{action.value}?status=success" for action in Bulk],
        "/entries/{archive_id}": views,
        "/entries/{archive_id}/compare": [f"/entries/{entries[key]}/compare" for key in ("hostile", "plain")],
        "/integrity/audit": [
            "/integrity/audit",
            "/integrity/audit?q=none",
            "/integrity/audit?kind=conversion",
            f"/integrity/audit?category=hold&entry={entries['hostile']}&from=2026-01-01&who={converter}",
        ],
        "/retention/policy": [
            f"/retention/policy?converter={converter}",
            f"/retention/policy?converter={converter}&retention_days=31&max_size_gb=0.000001",
        ],
        "/users/{name}": ["/users/ann"],
        "/runs/new": ["/runs/new", "/runs/new?serial=none", f"/runs/new?status=failed&converter={converter}"],
        "/runs/{run_id}": [f"/runs/{number}" for number in (1, 2, 3)],
        "/runs/{run_id}/send": [f"/runs/{number}/send" for number in (1, 2)],
    }
    return {route.path: known.get(route.path, [route.path]) for route in routes("GET")}


def refused_forms(made: Hostile) -> dict[str, list[tuple[str, dict[str, str]]]]:
    """Return for each form what it refuses: by default hostile text in each of its fields."""
    entry, wrong = f"/entries/{made.entries['repair']}", {"key": "0" * 16, "entries": "1"}
    known: Mapping[str, list[tuple[str, dict[str, str]]]] = {
        "/archives/export": [
            ("/archives/export?serial=none", {"sources": "yes", "reason": TEXT[:900]}),
            ("/archives/export", {"reason": "x" * 1001}),
        ],
        "/archives/hold": [("/archives/hold", {**wrong, "reason": TEXT[:900]}), ("/archives/hold", wrong)],
        "/archives/purge": [("/archives/purge", {**wrong, "number": TEXT[:900]})],
        "/archives/release": [("/archives/release", wrong)],
        "/archives/restore": [("/archives/restore", {**wrong, "folder": folder}) for folder in ("../x", TEXT[:900])],
        "/entries/{archive_id}/hold": [
            (f"{entry}/hold", {"reason": " "}),
            ("/entries/none/hold", {"reason": TEXT[:99]}),
        ],
        "/entries/{archive_id}/release": [("/entries/none/release", {})],
        "/account/password": [("/account/password", {"old": TEXT[:900], "password": TEXT[:900]})],
        "/users": [("/users", {"name": TEXT[:150], "password": TEXT[:900]}), ("/users", {"name": "x", "role": TEXT})],
        "/settings/wizard": [("/settings/wizard", {"converter": SWITCHED_OFF, "checksum": TEXT})]
        + [("/settings/wizard", each) for each in ({"converter": TEXT}, {TEXT: "1"}, {})],
        "/users/{name}/role": [("/users/ann/role", {"role": TEXT}), ("/users/none/role", {"role": "viewer"})],
        "/users/{name}/password": [("/users/ann/password", {"password": TEXT[:9]})],
        "/users/{name}/remove": [("/users/none/remove", {})],
        "/users/{name}/sessions/end": [("/users/none/sessions/end", {})],
        "/users/{name}/tokens": [("/users/ann/tokens", {"token": TEXT[:150]}), ("/users/ann/tokens", {"days": "0"})],
        "/users/{name}/tokens/revoke": [("/users/ann/tokens/revoke", {"token": TEXT[:150]})],
        "/retention/policy": [
            ("/retention/policy", {"converter": CONVERTER, "retention_days": TEXT}),
            ("/retention/policy", {"converter": TEXT}),
            ("/retention/policy", {"converter": CONVERTER, TEXT: "1"}),
            ("/retention/policy", {"converter": CONVERTER, "max_size_gb": "0.000001", "purge_unsubmitted": "yes"}),
        ],
        "/retention/approvals/{number}": [
            ("/retention/approvals/9", {"archive": str(made.station.archive_root)}),
            ("/retention/approvals/9", {"archive": TEXT[:900]}),
            ("/retention/approvals/9", {}),
        ],
        "/runs": [("/runs?serial=none", {"since": "0"}), ("/runs", {"since": TEXT})],
        "/runs/{run_id}/cancel": [("/runs/9/cancel", {})],
        "/runs/{run_id}/resume": [("/runs/1/resume", {})],
        "/runs/{run_id}/send": [
            ("/runs/1/send", {"reports": "999", "reason": TEXT[:900], "since": "3"}),
            ("/runs/1/send", {"reports": "many", "reason": TEXT[:900], "since": "3"}),
            ("/runs/1/send", {"reports": TEXT, "since": "3"}),
            ("/runs/2/send", {"reports": "1", "since": "3"}),
        ],
        "/runs/{run_id}/take-back": [("/runs/1/take-back", {})],
    }
    return {
        route.path: known.get(route.path, [(route.path, {each.name: TEXT for each in route.dependant.body_params})])
        for route in routes("POST")
        if route.path not in NOT_FORMS
    }
