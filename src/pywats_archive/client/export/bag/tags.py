"""The files around the payload of a bag: manifests, tables, the report, the README. Each is streamed from the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from pywats_archive.client.export.bag import readme, tables
from pywats_archive.client.export.bag.container import Container
from pywats_archive.client.export.bag.page import html
from pywats_archive.client.export.bag.page.figures import Figures
from pywats_archive.client.export.bag.signing import SIGNATURE, Signing
from pywats_archive.client.export.bag.work import Line

DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
BAGIT, INFO = "bagit.txt", "bag-info.txt"
MANIFEST, TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
Lines = Callable[[], Iterator[Line]]


class Tags:
    """Writes the tag files of a bag, and remembers their checksums."""

    def __init__(self, container: Container, signing: Signing | None, *, now: datetime) -> None:
        self._container = container
        self._signing = signing
        self._mtime_ns = int(now.timestamp()) * 10**9
        self._sums: list[str] = []

    def write(self, head: dict[str, Any], figures: Figures, lines: Lines) -> str:
        """Write all tag files; returns the checksum of the manifest of tag files, which has those of all others."""
        self._put(BAGIT, [DECLARATION])
        self._put(INFO, [_info(head, figures)])
        self._put(MANIFEST, _manifest(lines()))
        self._put("manifest.json", tables.as_json(head, lines()))
        self._put("manifest.csv", tables.as_csv(lines()))
        self._put("report.html", html.page(head, figures, lines()))
        for name, chunks in self._signing.files() if self._signing else ():
            self._put(name, chunks)
        how = self._signing.readme() if self._signing else ""
        self._put("README.txt", [readme.readme(head, entries=figures.entries, files=figures.files, signature=how)])
        whole = "".join(self._sums).encode()
        if self._signing:
            self._put(SIGNATURE, [self._signing.signer.sign_bytes(whole)])
        return self._put(TAG_MANIFEST, [whole])

    def _put(self, name: str, chunks: Iterable[bytes]) -> str:
        written = self._container.put(name, chunks, size_bytes=1 << 40, mtime_ns=self._mtime_ns)
        self._sums.append(f"{written.sha256}  {name}\n")
        return written.sha256


def _manifest(lines: Iterable[Line]) -> Iterator[bytes]:
    for line in lines:
        for each in line["files"]:
            if each["path"]:
                yield f"{each['sha256']}  {each['path']}\n".encode()


def _info(head: dict[str, Any], figures: Figures) -> bytes:
    pairs = [
        ("Bag-Software-Agent", head["program"]),
        ("Bagging-Date", head["made_at"][:10]),
        ("Payload-Oxum", f"{figures.size_bytes}.{figures.files}"),
        *(("External-Identifier", each["uuid"]) for each in head["archives"]),
        ("External-Description", f"{figures.entries} entries of pywats-archive"),
    ]
    return "".join(f"{name}: {value}\n" for name, value in pairs).encode()
