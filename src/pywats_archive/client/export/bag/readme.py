"""``README.txt`` of a bag: what is in it, and how to check all of it with programs that every system has."""

from __future__ import annotations

from typing import Any

_TEXT = """{title}
{underline}
Made {made_at} by {made_by} with {program}: {entries} entries, {files} files.

report.html        figures and a list, for a browser or a printer
manifest.csv       a row for each entry, companion and report, for a spreadsheet
manifest.json      the same for programs, with the checksum of each file
data/DAY/ID/       one entry: source/, companions/, reports/, and entry.json with
                   everything that the archive knew of it: conversions, reports, history
bagit.txt, bag-info.txt, manifest-sha256.txt, tagmanifest-sha256.txt
                   make this a bag (BagIt, RFC 8493), which any validator of bags accepts

A name that not every system can have was changed; manifest.csv has the original one
and the time of last change in nanoseconds. A folder is a tar.

How to check all of it
----------------------
Run these commands in this folder; each must end without a failure.

1. Every file of an entry is unchanged:

    sha256sum --check --quiet manifest-sha256.txt

2. The lists, the report and this page are unchanged:

    sha256sum --check --quiet tagmanifest-sha256.txt

3. Both lists are those that were made. This prints the checksum that the command
   'pywats-archive export' printed, that whoever made the bag can tell you, and that
   'pywats-archive audit --kind bag.exported' prints on the station:

    sha256sum tagmanifest-sha256.txt

{signature}On Windows, 'certutil -hashfile FILE SHA256' prints one checksum. With Python,
'pip install bagit' and 'bagit.py --validate .' do steps 1 and 2.

The history of an entry
-----------------------
In entry.json, each event has the SHA-256 of: the hash of the event before it, a line feed,
and the JSON array [sequence, kind, at, archive_id, actor, details, bound_rows], in ASCII,
without spaces, keys of details sorted, 'at' as YYYY-MM-DDTHH:MM:SS.ffffff+00:00; bound_rows
is JSON already, and left out if it is null. The newest events when this was made:

{heads}
'pywats-archive import BAG' brings all of it into another archive, and sends nothing.
"""


def readme(head: dict[str, Any], *, entries: int, files: int, signature: str = "") -> bytes:
    """Return the text; ``signature`` says how the signature is checked."""
    title = f"Export {head['name']}"
    heads = "".join(
        f"    archive {each['uuid']}\n    event {each['sequence']}  {each['hash']}\n"
        for each in head["archives"]
        if each["hash"]
    )
    text = _TEXT.format(
        title=title,
        underline="=" * len(title),
        made_at=head["made_at"],
        made_by=head["made_by"],
        program=head["program"],
        entries=f"{entries:,}",
        files=f"{files:,}",
        heads=heads,
        signature=signature,
    )
    return text.encode("utf-8", "replace")
