"""The set-up of a station in the text of a configuration: what is there stays as it is written."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pywats_archive.config.edited import extended
from pywats_archive.errors import ConfigChanged, ConfigError, UsageError
from pywats_archive.host.choices import choices
from pywats_archive.host.settings.writing.setup import make_setup, plan_setup
from pywats_archive.models.settings.setup import NewConverter, SetupAnswers
from pywats_archive.portable.files import WINDOWS

TOKEN = "c2VjcmV0OnRva2VuLW9mLWEtc3RhdGlvbg=="
ICT = NewConverter(name="ICT", module_path="m.C", watch_folder="ICT/watch")
ANSWERS = SetupAnswers(service_address="http://127.0.0.1:9", api_token=TOKEN, converters=(ICT,))
SECTION = {"name": "B", "x": 1}
_TEXT = st.text(max_size=5)
_VALUE = st.none() | st.integers() | _TEXT | st.lists(_TEXT, max_size=3) | st.dictionaries(_TEXT, _TEXT, max_size=3)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"a": 1, "b": 2}', '{"a": 1, "b": 2, "t": "x", "converters": [{"name": "B", "x": 1}]}'),
        ('{"t": "", "converters": []}', '{"t": "x", "converters": [{"name": "B", "x": 1}]}'),
        ('{"converters": null, "a": 1}', '{"converters": [{"name": "B", "x": 1}], "a": 1, "t": "x"}'),
        (
            '{\n\t"converters": [\n\t\t{"name": "A"}\n\t],\n\t"a": 1\n}\n',
            '{\n\t"converters": [\n\t\t{"name": "A"},\n\t\t{\n\t\t\t"name": "B",\n\t\t\t"x": 1\n\t\t}\n\t],\n'
            '\t"a": 1,\n\t"t": "x"\n}\n',
        ),
        (
            '{\r\n  "t": "",\r\n  "converters": []\r\n}',
            '{\r\n  "t": "x",\r\n  "converters": [\r\n    {\r\n      "name": "B",\r\n      "x": 1\r\n    }\r\n  ]\r\n}',
        ),
    ],
)
def test_a_section_is_written_as_its_neighbours(text: str, wanted: str) -> None:
    """On one line or indented, by tabs or spaces, with the file's own line ends."""
    assert extended(text, {"t": "x"}, [SECTION]) == wanted


@settings(max_examples=30)
@given(
    st.dictionaries(_TEXT, _VALUE, min_size=1, max_size=4),
    st.lists(st.dictionaries(_TEXT, _VALUE, max_size=3), max_size=3),
    st.sampled_from([None, 2, "\t"]),
)
def test_everything_else_stays(
    fields: dict[str, Any], sections: list[dict[str, Any]], indent: int | str | None
) -> None:
    """Whatever a configuration has, reading it again gives the same, with the new key and section."""
    before = {**fields, "converters": sections}
    for text in (json.dumps(before, indent=indent), json.dumps(before, indent=indent, ensure_ascii=False)):
        after = json.loads(extended(text, {"api_token": "x"}, [SECTION]))
        assert after == {**before, "api_token": "x", "converters": [*sections, SECTION]}


def test_a_new_file_is_for_this_account_alone(tmp_path: Path) -> None:
    """It has the token; the lines that are shown have not, and nothing else is left in the folder."""
    planned = plan_setup(tmp_path / "deep" / "config.json", ANSWERS)
    assert TOKEN not in "\n".join(planned.plan.lines) and not (tmp_path / "deep").exists()
    make_setup(planned)
    assert json.loads(planned.plan.path.read_text(encoding="utf-8"))["api_token"] == TOKEN
    assert WINDOWS or stat.S_IMODE(planned.plan.path.stat().st_mode) == 0o600
    assert sorted(each.name for each in (tmp_path / "deep").iterdir()) == ["ICT", "config.json"]


def test_a_file_that_another_program_wrote_meanwhile_stays(tmp_path: Path) -> None:
    """New or old: what the person was shown is not what would be changed; no folder is left."""
    path = tmp_path / "config.json"
    planned = plan_setup(path, ANSWERS)
    path.write_text('{"converters": [], "mine": 1}', encoding="utf-8")
    with pytest.raises(ConfigChanged):
        make_setup(planned)
    planned = plan_setup(path, ANSWERS)
    path.write_text('{"converters": [], "mine": 2}', encoding="utf-8")
    with pytest.raises(ConfigChanged):
        make_setup(planned)
    assert json.loads(path.read_text(encoding="utf-8")) == {"converters": [], "mine": 2}
    assert not (tmp_path / "ICT").exists()


def test_secrets_of_the_former_file_are_not_shown(tmp_path: Path) -> None:
    """Neither tokens nor addresses of webhooks nor arguments, on whatever line they are."""
    path = tmp_path / "config.json"
    old = {"name": "old", "module_path": "m.C", "watch_folder": "old/watch", "arguments": {"key": "hunter2hunter2"}}
    secret = {
        "webhook_auth_value": "Bearer s3cr3ts3cr3t",
        "webhook_service_url": "https://h.example/s3cr3t",
        "api_token": TOKEN,
    }
    path.write_text(
        json.dumps({**secret, "converters": [old], "proxy_password": "s3cr3t-of-a-proxy"}), encoding="utf-8"
    )
    planned = plan_setup(path, SetupAnswers(service_address="http://127.0.0.1:9", converters=(ICT,)))
    shown = "\n".join(planned.plan.lines)
    assert '"ICT"' in shown and all(word not in shown for word in ("hunter2", "s3cr3t", TOKEN))


def test_an_invalid_file_is_an_error_before_anything_is_planned(tmp_path: Path) -> None:
    """A file with a mistake is corrected by a person, not extended."""
    path = tmp_path / "config.json"
    path.write_text('{"converters": [{"name": "old"}]}', encoding="utf-8")
    with pytest.raises(ConfigError, match="'old'"):
        plan_setup(path, ANSWERS)


def test_a_watch_folder_that_another_converter_needs_is_not_created(tmp_path: Path) -> None:
    """The folder of a converter that is there may be on a share that is not mounted."""
    path = tmp_path / "config.json"
    old = {"name": "old", "module_path": "m.C", "watch_folder": "old/watch"}
    path.write_text(json.dumps({"converters": [old]}), encoding="utf-8")
    assert plan_setup(path, ANSWERS).plan.folders == (tmp_path / "ICT" / "watch",)
    with pytest.raises(UsageError, match="already"):
        plan_setup(
            path, SetupAnswers(converters=(NewConverter(name="old", module_path="m.D", watch_folder="old/watch"),))
        )


def test_own_files_are_read_and_not_run(tmp_path: Path) -> None:
    """A converter is known by its text, with the first line of its docstring; a file with a mistake is no choice."""
    (tmp_path / "own.py").write_text(
        "raise SystemExit\nclass Reader:\n    pass\nclass Mine(FileConverter):\n    '''Reads logs.\n\n    More.'''\n",
        encoding="utf-8",
    )
    (tmp_path / "broken.py").write_text("class Mine(FileConverter", encoding="utf-8")
    *standard, own = choices(tmp_path)
    assert (own.module_path, own.about, own.is_own) == ("own.Mine", "Reads logs.", True)
    assert {"SPEAConverter", "AIConverter"} < {each.class_name for each in standard}
    assert all(each.about and each.patterns and not each.is_own for each in standard)


def test_the_usual_folder_of_converters_needs_no_key(tmp_path: Path) -> None:
    """Named by its whole path, it is the folder that is used anyway."""
    folder = str(tmp_path / "converters")
    planned = plan_setup(tmp_path / "config.json", SetupAnswers(converters_folder=folder, converters=(ICT,)))
    assert "converters_folder" not in planned.content.decode()
    assert planned.station.converters_folder == Path(folder)
