"""Templates: strict about names, and every value escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from pywats_archive.web.access.roles import rights_of
from pywats_archive.web.frame.site import site_of
from pywats_archive.web.views import words
from pywats_archive.words import approvals
from pywats_archive.words.sizes import human_size
from pywats_archive.words.times import brief, duration, exact

FOLDER = Path(__file__).parent.parent


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


def page(request: Request, template: str, *, code: int = 200, **values: Any) -> HTMLResponse:
    """Render a template with the frame's own values."""
    site = site_of(request)
    now = site.now()
    person = getattr(request.state, "person", None)
    frame = {
        "sections": site.SECTIONS,
        "path": request.url.path,
        "section": _section(request.url.path),
        "code": code,
        "station": site.name,
        "kind": site.KIND,
        "has_accounts": site.HAS_ACCOUNTS,
        "glance": site.glance() if person else None,
        "user": person.name if person else None,
        "own_role": person.role.value if person else "",
        "rights": rights_of(person.role if person else None),
        "moment": lambda when: brief(when, now=now),
        "precise": lambda when: exact(when, now=now),
    }
    text = _TEMPLATES.get_template(template).render(frame | values)
    return HTMLResponse(text.encode("utf-8", "replace"), status_code=code)
