"""A protocol says what was found, is for one account alone, is signed, and replaces none."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from tests.filled import fill

from pywats_archive import Client, ProblemKind
from pywats_archive.qualification import installation
from pywats_archive.qualification.operation import CHANGES
from pywats_archive.qualification.protocol import (
    CheckResult,
    Phase,
    Protocol,
    Step,
    carried_out,
    failed,
    judged,
    passed,
)
from pywats_archive.qualification.writing import text_lines, write

NOW = datetime(2026, 2, 13, 14, 30, 22, tzinfo=timezone.utc)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package of one module, as pip leaves it."""
    module, meta = tmp_path / "some_module.py", tmp_path / "some_package-1.0.dist-info"
    module.write_bytes(b"ANSWER = 42\n")
    meta.mkdir()
    digest = base64.urlsafe_b64encode(hashlib.sha256(module.read_bytes()).digest()).rstrip(b"=").decode()
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: some-package\nVersion: 1.0\n")
    (meta / "RECORD").write_text(f"some_module.py,sha256={digest},12\nsome_package-1.0.dist-info/RECORD,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield module


@pytest.mark.parametrize("is_replaced", [False, True], ids=["of this Python", "as since Python 3.12"])
def test_a_changed_file_of_the_package_is_found(installed: Path, *, is_replaced: bool) -> None:
    """Each file has the checksum of RECORD; a changed one and a missing one are named."""
    if is_replaced:  # once it is imported, it answers for the module of Python
        pytest.importorskip("importlib_metadata")
    assert installation.files("some-package").result is CheckResult.PASSED
    installed.write_bytes(b"ANSWER = 43\n")
    changed = installation.files("some-package")
    assert changed.result is CheckResult.FAILED and "some_module.py" in changed.found
    installed.unlink()
    missing = installation.files("some-package")
    assert missing.result is CheckResult.FAILED and "some_module.py" in missing.found


def test_a_checkout_is_not_called_sound(installed: Path) -> None:
    """Without checksums of code, the check says that it was not done."""
    record = installed.parent / "some_package-1.0.dist-info" / "RECORD"
    record.write_text("some_package-1.0.dist-info/RECORD,,\n")
    assert installation.files("some-package").result is CheckResult.NOT_DONE


@pytest.mark.parametrize("name", ["an event edited", "an event removed", "a status edited"])
def test_a_manipulation_is_found_by_itself(tmp_path: Path, name: str) -> None:
    """The triggers are as before, so that ``verify`` finds the manipulation and not how it was made."""
    fill(tmp_path)
    CHANGES[name](tmp_path / "archive")
    with Client(tmp_path / "archive") as client:
        problems = [each.problem for each in client.verify() if each.problem]
    assert problems and ProblemKind.TRIGGER_ALTERED not in {each.kind for each in problems}


def test_an_error_is_the_result_of_its_own_step() -> None:
    """The others go on, and each has a number, a time and a duration."""

    def broken() -> None:
        raise ValueError("no disk")

    steps = [
        Step("a", "works", lambda: passed("yes")),
        Step("b", "works", broken),  # type: ignore[arg-type]
        Step("c", "has no faults", lambda: judged(["", "one", "two"], "none")),
        Step("d", "has no faults", lambda: judged(["", ""], "none")),
    ]
    found = list(carried_out(Phase.OPERATION, steps))
    assert [(each.number, each.result.value, each.found) for each in found] == [
        ("OQ-1", "passed", "yes"),
        ("OQ-2", "failed", "ValueError: no disk"),
        ("OQ-3", "failed", "one; two"),
        ("OQ-4", "passed", "none"),
    ]
    assert all(each.duration_s >= 0 and each.began_at.tzinfo for each in found)


def test_the_text_of_a_protocol_fits_on_a_page() -> None:
    """A long finding has several lines, with each word whole."""
    names = [f"/some/folder/of-a-{number}" for number in range(20)]
    checks = tuple(carried_out(Phase.INSTALLATION, [Step("a", "is there", lambda: failed("; ".join(names)))]))
    protocol = Protocol(
        program="p",
        computer="c",
        account="a",
        place="p",
        began_at=NOW,
        ended_at=NOW,
        passed=0,
        failed=1,
        not_done=0,
        checks=checks,
    )
    lines = list(text_lines(protocol, b""))
    assert max(map(len, lines)) <= 100
    assert [word for line in lines for word in line.split() if word.startswith("/")] == [
        *(f"{each};" for each in names[:-1]),
        names[-1],
    ]


def test_the_files_of_a_protocol(tmp_path: Path) -> None:
    """JSON, a text that binds it by its checksum, and a signature of the JSON; a second one of that second is refused."""
    checks = tuple(carried_out(Phase.INSTALLATION, [Step("ä", "is there", lambda: failed("not ☃\nthere"))]))
    protocol = Protocol(
        program="pywats-archive 0.1.0",
        computer="station",
        account="wats",
        place="config.json",
        began_at=NOW,
        ended_at=NOW,
        passed=0,
        failed=1,
        not_done=0,
        checks=checks,
    )
    written = write(protocol, tmp_path / "to", sign=lambda content: hashlib.sha512(content).digest())
    content = written.json_file.read_bytes()
    assert json.loads(content)["checks"][0]["found"] == "not ☃\nthere"
    text = written.text_file.read_text(encoding="utf-8")
    assert hashlib.sha256(content).hexdigest() in text and "IQ-1  ä: FAILED" in text and "found     not ☃ there" in text
    assert written.signature_file and written.signature_file.read_bytes() == hashlib.sha512(content).digest()
    if sys.platform != "win32":
        assert {path.stat().st_mode & 0o777 for path in (tmp_path / "to").iterdir()} == {0o600}
    with pytest.raises(FileExistsError):
        write(protocol, tmp_path / "to", sign=None)
    assert written.json_file.read_bytes() == content
