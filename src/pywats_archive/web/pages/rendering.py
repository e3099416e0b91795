"""Templates: strict about names, and every value escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from pywats_archive.errors import ArchiveError
from pywats_archive.web.access.roles import rights_of
from pywats_archive.web.station import Station, station_of
from pywats_archive.web.views import words
from pywats_archive.web.views.overview import Line, glance
from pywats_archive.words import approvals
from pywats_archive.words.sizes import human_size
from pywats_archive.words.times import brief, duration, exact

FOLDER = Path(__file__).parent.parent
SECTIONS = (
    ("/", "Overview", "read"),
    ("/archives", "Archives", "read"),
    ("/runs", "Reprocess", "read"),
    ("/retention", "Retention", "read"),
    ("/integrity", "Integrity", "read"),
    ("/settings", "Settings", "read"),
    ("/users", "Users", "users"),
)
"""Address, name, and what a person must be allowed to see it."""


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"visible": words.visible, "sentence": words.sentence, "urlencode": words.quoted}
    made.filters |= {"size": human_size, "duration": duration, "act": approvals.act, "subject": approvals.subject}
    return made


_TEMPLATES = _environment()


def _section(path: str) -> str:
    """Return the address of the section that a page belongs to."""
    first = f"/{path.split('/')[1]}"
    return "/archives" if first == "/entries" else first


def _glance(station: Station) -> Line | None:
    """Return the state of the service; None if the archive cannot be read, which the page says itself."""
    try:
        return glance(station.client.pulse())
    except ArchiveError:
        return None


def page(request: Request, template: str, *, code: int = 200, **values: Any) -> HTMLResponse:
    """Render a template with the frame's own values."""
    station = station_of(request)
    now = station.now()
    person = getattr(request.state, "person", None)
    frame = {
        "sections": SECTIONS,
        "path": request.url.path,
        "section": _section(request.url.path),
        "code": code,
        "station": station.name,
        "glance": _glance(station) if person else None,
        "user": person.name if person else None,
        "own_role": person.role.value if person else "",
        "rights": rights_of(person.role if person else None),
        "moment": lambda when: brief(when, now=now),
        "precise": lambda when: exact(when, now=now),
    }
    text = _TEMPLATES.get_template(template).render(frame | values)
    return HTMLResponse(text.encode("utf-8", "replace"), status_code=code)
