"""The client over the network: complete, its places exist, and filters and errors arrive as they were sent."""

from __future__ import annotations

import inspect
import json
from dataclasses import fields, replace
from datetime import date, datetime, timezone
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from pywats_archive import errors
from pywats_archive.client.api import Client
from pywats_archive.client.remote import wire
from pywats_archive.client.remote.api import RemoteClient
from pywats_archive.client.remote.fields import filter_fields
from pywats_archive.client.remote.on_station import OnStation
from pywats_archive.client.remote.replays import RemoteReplays
from pywats_archive.client.remote.retention import RemoteRetention
from pywats_archive.client.remote.settings import RemoteSettings
from pywats_archive.client.remote.vault import RemoteVault
from pywats_archive.client.settings.station import StationSettings
from pywats_archive.client.vault.station import StationVault
from pywats_archive.errors import ArchiveError, UsageError
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.query import EntryFilter, SortKey
from pywats_archive.models.report import SubmissionState, UnitResult
from pywats_archive.retention.station import StationRetention
from pywats_archive.web import app, problems
from pywats_archive.web.api import asked
from pywats_archive.web.views import address

OF_OTHERS = {
    "chosen",
    "converter_named",
    "entries",
    "get_archive_entries",
    "get_archive_statistics",
    "get_retention_policy",
    "pages",
    "require_converter",
    "update_retention_policy",
}
"""Methods that call others only."""
LOCAL = {"from_config"}
TOKEN = "not-to-be-seen-by-anybody-0123456789abcdef"
FILTER = EntryFilter(
    from_date=date(2026, 1, 2),
    to_date=datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=timezone.utc),
    converter_name="ICT & 'ü'",
    status=ConversionStatus.FAILED,
    result=UnitResult.FAILED,
    serial_number="SN*?",
    part_number="P+1",
    text="no header; 100 %",
    failure_reason="no header",
    archive_ids=("20261128184130804_d568cf", "20261128184130804_d568d0"),
    warned=False,
    submission=SubmissionState.REFUSED,
    purged=True,
    sort=SortKey.SIZE,
    newest_first=False,
)
"""Every field with a value that is not the default."""


def public(of: type[Any]) -> set[str]:
    """Return the names of what a class offers."""
    return {name for name, _ in inspect.getmembers(of) if not name.startswith("_")}


def test_every_method_of_the_client_works_over_the_network_or_says_why_not() -> None:
    """A method that is added to the client cannot be forgotten: it would look for archives that are not here."""
    own = vars(RemoteClient).keys() | vars(RemoteReplays).keys() | vars(OnStation).keys()
    assert public(Client) - own == OF_OTHERS | LOCAL
    assert public(StationRetention) - vars(RemoteRetention).keys() == set()
    assert public(StationSettings) - vars(RemoteSettings).keys() == set()
    assert public(StationVault) - vars(RemoteVault).keys() == set()


def test_every_place_that_the_client_asks_exists() -> None:
    """With this method, and these names in its path."""
    routes = {
        f"{method} {route.path_format}"
        for router in app.ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    known = [*vars(RemoteClient).values(), *vars(RemoteReplays).values(), *vars(RemoteRetention).values()]
    known += vars(RemoteSettings).values()
    places = [each.place.replace(" ", " /api/v1", 1) for each in known if hasattr(each, "place")]
    assert len(places) > 35 and [each for each in places if each not in routes] == []


def test_a_filter_arrives_as_it_was_sent() -> None:
    """Each field of it: a filter with a field that is lost would match everything."""
    assert all(getattr(FILTER, each.name) != each.default for each in fields(EntryFilter))
    for wanted in (FILTER, EntryFilter()):
        asked_for = {name: str(value) for name, value in filter_fields(wanted).items()}
        assert address.read(asked_for).wanted() == wanted


@pytest.mark.parametrize("name", ["serial_number", "part_number", "text", "converter_name", "failure_reason"])
@pytest.mark.parametrize("value", ["", " ", "5%", " SN1", "SN1\u00a0"])
def test_a_condition_never_matches_more_than_it_says(name: str, value: str) -> None:
    """What the station would read as another condition, or as none, is refused before anything is sent."""
    condition: dict[str, Any] = {name: value}
    wanted = EntryFilter(**condition)
    try:
        asked_for = {field: str(text) for field, text in filter_fields(wanted).items()}
    except UsageError as exc:
        assert f"'{value}'" in str(exc)
    else:
        found = getattr(address.read(asked_for).wanted(), name)
        assert found == value if name != "text" else found.split() == value.split() != []


@pytest.mark.parametrize("value", [datetime(2026, 1, 2), date(1, 1, 1), date(9999, 12, 31)])
def test_a_date_is_one_of_the_station(value: date) -> None:
    """Neither a date nor a moment without a time zone is turned into the time of this computer."""
    asked_for = {name: str(text) for name, text in filter_fields(replace(EntryFilter(), from_date=value)).items()}
    assert address.read(asked_for).wanted().from_date == value


def test_the_api_has_every_field_of_the_archives_page() -> None:
    """The page has no filter that its JSON twin lacks."""
    has = {name: str(name) for name in inspect.signature(asked._view).parameters}
    assert has.keys() == {each.name for each in fields(address.ArchiveView)}


@pytest.mark.parametrize(
    "kind", [each for each in vars(errors).values() if inspect.isclass(each) and issubclass(each, ArchiveError)]
)
def test_an_error_arrives_as_it_was_raised(kind: type[ArchiveError]) -> None:
    """The client raises the same class with the same text, with advice and without."""
    connection = wire.Wire("http://localhost:1", token=TOKEN, ca_file=None)
    for text in (f"{kind.__name__}: a text; with an advice; and another", "a text"):
        found = connection._error(500, bytes(problems.problem_of(kind(text)).body))
        assert (type(found), str(found)) == (kind, text)
    connection.close()


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b"null", b'{"title": 1}', json.dumps({"title": "x", "kind": "__doc__"}).encode()]
)
def test_an_answer_of_another_program_is_an_error_of_ours(content: bytes) -> None:
    """Whatever it is."""
    connection = wire.Wire("http://localhost:1", token=TOKEN, ca_file=None)
    assert isinstance(connection._error(502, content), ArchiveError)
    connection.close()


@pytest.mark.parametrize(
    "given",
    [
        "http://station.example:8087",
        "http://192.0.2.7",
        f"http://user:{TOKEN}@localhost:8087",
        f"http://localhost/?token={TOKEN}",
        "http://",
        "http://localhost:99999",
        "https://[::1",
    ],
)
def test_an_address_that_would_give_the_token_away_is_refused(given: str) -> None:
    """Unencrypted over the network, or as a part of the address; and what is no address."""
    with pytest.raises(UsageError) as found:
        Client(given, token=TOKEN)
    assert TOKEN not in str(found.value)


@pytest.mark.parametrize("token", [None, "", f"{TOKEN}\n", f"Bearer {TOKEN}", f"{TOKEN}ü"])
def test_a_token_that_is_none_is_refused_unseen(token: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with it is said without it."""
    monkeypatch.delenv("PYWATS_ARCHIVE_TOKEN", raising=False)
    with pytest.raises(UsageError, match="token") as found:
        Client("http://localhost:1", token=token)
    assert TOKEN not in str(found.value)


def test_no_station_is_an_error_of_its_own() -> None:
    """It says where nobody answers, and what to do; nothing shows the token."""
    with pytest.raises(errors.StationAway, match=r"http://127.0.0.1:1: .*pywats-archive web") as found:
        Client("http://127.0.0.1:1", token=TOKEN)
    chain: BaseException | None = found.value
    while chain:
        assert TOKEN not in f"{chain!r} {vars(chain)!r}"
        if isinstance(chain, httpx.HTTPError):
            assert TOKEN not in repr(chain.request.headers)
        chain = chain.__cause__ or chain.__context__


def test_a_filter_of_no_entry_does_not_become_one_of_every_entry() -> None:
    """Whoever exports or replays the entries of an empty list gets none of them."""
    sent = {name: str(text) for name, text in filter_fields(EntryFilter(archive_ids=())).items()}
    assert address.read(sent).wanted().archive_ids not in (None, ())
