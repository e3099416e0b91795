"""Finding, loading and describing converters."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest
from tests.unit.host.bench import Bench

from pywats_archive.errors import ConverterUnavailable
from pywats_archive.host.converters import load_class, new_instance
from pywats_archive.host.describing import describe

OWN = "class Own(FileConverter):\n    name = property(lambda self: 'Own')\n    def convert(self, s, c): return {}\n"
SPEA = "pywats_client.converters.standard.spea_converter.SPEAConverter"


@pytest.mark.parametrize("form", ["own.Own", "own", "{folder}/own.py", "{folder}/own.py.Own", "own.py"])
def test_every_form_of_a_module_path_finds_the_class(bench: Bench, form: str) -> None:
    """A class of a file is found by stem, by stem and class, and by path."""
    bench.code(OWN)
    assert load_class(form.format(folder=bench.folder), bench.folder).__name__ == "Own"


def test_an_installed_converter_is_described(tmp_path: Path) -> None:
    """Name, version, the fingerprint of its file and its distribution are known."""
    converter = load_class(SPEA, tmp_path)
    info = describe(converter, new_instance(converter, {}), SPEA)
    assert (info.kind, info.converter_class) == ("file", SPEA)
    assert info.distribution and info.distribution.startswith("pywats")
    assert len(info.fingerprint) == len("sha256:") + 64 and info.version


def test_the_files_of_installed_packages_are_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second installed converter of a process is described without reading the lists of all packages again."""
    for path in (SPEA, SPEA.replace("spea_converter.SPEA", "xjtag_converter.XJTAG")):
        converter = load_class(path, tmp_path)
        described = describe(converter, new_instance(converter, {}), path)
        assert described.distribution and described.distribution.startswith("pywats")
        monkeypatch.setattr(metadata, "packages_distributions", dict)


@pytest.mark.parametrize(
    ("form", "code", "told"),
    [
        ("nowhere.Own", OWN, ["nowhere.Own", "no such file lies in"]),
        ("own.Other", OWN, ["own.Other", "has no class 'Other'"]),
        ("own.Own", "import not_there_at_all\n", ["ModuleNotFoundError", "not_there_at_all"]),
        ("own.Own", "def (:\n", ["SyntaxError", "own.py"]),
        ("own.Own", "sys.exit('bye\\nbye')\n", ["SystemExit: bye bye"]),
        ("own", OWN + OWN.replace("Own", "Two"), ["has 2 converter classes"]),
        ("own.Own", "class Own: pass\n", ["is not derived from one of pyWATS' converter classes"]),
        (SPEA.replace("SPEA", "Spea"), OWN, ["has no class 'SpeaConverter'"]),
        (SPEA.replace("spea_", "nope_"), OWN, ["ModuleNotFoundError"]),
    ],
)
def test_what_cannot_be_loaded_says_why_in_one_line(bench: Bench, form: str, code: str, told: list[str]) -> None:
    """The error names what was looked for, where, and the cause."""
    bench.code(code)
    with pytest.raises(ConverterUnavailable) as caught:
        load_class(form, bench.folder)
    assert all(word in str(caught.value) for word in told), str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_edited_converter_is_read_anew_and_an_unchanged_one_is_not(bench: Bench) -> None:
    """The content decides, not the clock."""
    bench.code(OWN)
    first = load_class("own.Own", bench.folder)
    assert load_class("own.Own", bench.folder) is first
    bench.code(OWN.replace("'Own'", "'New'"))
    second = load_class("own.Own", bench.folder)
    assert second().name == "New" and first().name == "Own"
    fingerprints = {describe(c, c(), "own.Own").fingerprint for c in (second,)}
    assert fingerprints == {describe(second, second(), "own.Own").fingerprint}


def test_an_edited_sibling_is_read_anew(bench: Bench) -> None:
    """A module beside the converter is its code too; its name stays free for others."""
    (bench.folder / "limits.py").write_text("HIGH = 1\n")
    bench.code("from limits import HIGH\n" + OWN.replace("'Own'", "str(HIGH)"))
    assert load_class("own.Own", bench.folder)().name == "1"
    (bench.folder / "limits.py").write_text("HIGH = 2\n")
    assert load_class("own.Own", bench.folder)().name == "2"
    assert "limits" not in sys.modules and str(bench.folder) not in sys.path
    assert not (bench.folder / "__pycache__").exists()


def test_two_folders_may_have_siblings_of_one_name(bench: Bench, tmp_path: Path) -> None:
    """Each converter gets the module beside it."""
    other = tmp_path / "other"
    other.mkdir()
    for folder, value in ((bench.folder, "here"), (other, "there")):
        (folder / "limits.py").write_text(f"HIGH = {value!r}\n")
    path = bench.code("from limits import HIGH\n" + OWN.replace("'Own'", "HIGH"))
    (other / "own.py").write_text(path.read_text())
    assert load_class("own.Own", bench.folder)().name == "here"
    assert load_class("own.Own", other)().name == "there"
