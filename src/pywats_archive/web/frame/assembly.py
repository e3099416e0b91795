"""The application: gate, routes, errors and static files."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from pywats_archive.errors import ArchiveError
from pywats_archive.web import problems
from pywats_archive.web.access.gate import Gate
from pywats_archive.web.frame.rendering import FOLDER, page
from pywats_archive.web.frame.site import Site
from pywats_archive.web.settings import WebSettings


def assembled(
    site: Site, routers: Iterable[APIRouter], settings: WebSettings, *, openapi_url: str | None = None
) -> ASGIApp:
    """Put routes together behind the gate."""
    app = FastAPI(
        title="pywats-archive",
        docs_url=None,
        redoc_url=None,
        openapi_url=openapi_url,
        default_response_class=problems.Json,
    )
    app.state.site = site
    for router in routers:
        app.router.routes += router.routes  # included, each would be analysed again, for half a second in all
    app.mount("/static", StaticFiles(directory=FOLDER / "static"))
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_exception_handler(Exception, _on_unexpected)
    app.add_exception_handler(ArchiveError, _on_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    return Gate(app, access=site.access, host_names=settings.host_names)  # around the answer to any error too


def _on_unexpected(request: Request, error: Exception) -> Response:
    happened = f"an unexpected error ({type(error).__name__})"
    advice = "the output of 'pywats-archive web' has the details"
    if _is_api(request):
        answer: Response = problems.problem(500, happened, advice, kind="UnexpectedError")
    else:
        answer = page(request, "problem.html", code=500, happened=happened, advice=advice)
    answer.headers["connection"] = "close"  # as uvicorn does after an error: the next request needs another connection
    return answer


def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ArchiveError)
    if _is_api(request):
        return problems.problem_of(error)
    happened, advice = problems.parts_of(error)
    return page(request, "problem.html", code=problems.status_of(error), happened=happened, advice=advice)


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    happened = "there is no such page" if error.status_code == 404 else str(error.detail).lower()
    if _is_api(request):
        answer = problems.problem(error.status_code, happened)
        answer.headers.update(error.headers or {})
        return answer
    return page(request, "problem.html", code=error.status_code, happened=happened, advice="")


def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    happened = f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}"
    if _is_api(request):
        return problems.problem(422, happened)
    if first["loc"][0] == "path":
        return page(request, "problem.html", code=404, happened="there is no such page", advice="")
    return page(request, "problem.html", code=422, happened=happened, advice="")


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")
