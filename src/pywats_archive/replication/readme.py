"""The page in the vault that says how to get everything out of it without this program."""

from __future__ import annotations

from contextlib import suppress

from pywats_archive.errors import KeyTaken
from pywats_archive.replication import names
from pywats_archive.vault.store import Vault

TEXT = """\
This is a vault: copies of archives of test stations, made by pywats-archive.

vault.json                                  makes this place a vault
<archive>/<chain>/segments/<number>.zip     segments: parts of the history of one archive. <archive> is its uuid, <number> that
                                            of the first event. <chain> names the history: a catalog that was rebuilt begins
                                            another one; its first segments hold all that was there then.
<archive>/blobs/<sha256>.gz                 files that are too large for a segment; segment.json says which ones

Nothing here is ever replaced or removed by the stations.

With pywats-archive:  pywats-archive vault restore --to NEW-FOLDER --vault THIS-PLACE

Without it: a segment is a ZIP with the files of the archive under their own paths, each a .gz with its own name and time inside
(.gz.age: encrypted, see https://age-encryption.org). Unpack all segments of one chain, the newest first, into one folder:

    for z in $(ls -r <archive>/<chain>/segments/*.zip); do unzip -qn "$z" -d NEW-FOLDER -x segment.json rows.jsonl.gz; done

    gzip -dkN NEW-FOLDER/sources/2026/02/13/<id>.csv.gz          # one file, under its own name and time

Files that the archive purged later are among them: the database below says which (purged_at).
rows.jsonl.gz in each segment has the events of the history and the rows of the database, one a line, as JSON. This makes a
database of them, for "sqlite3 metadata.db" (Python alone is needed; run it in the folder of the chain):

    import glob, gzip, json, sqlite3, zipfile
    db, seen, known = sqlite3.connect("metadata.db"), set(), {}
    for name in sorted(glob.glob("segments/*.zip"), reverse=True):  # the newest state of a row comes first
        with zipfile.ZipFile(name) as segment, gzip.open(segment.open("rows.jsonl.gz")) as lines:
            for line in map(json.loads, lines):
                table, row = line["table"], line.get("row", {})
                if table not in known:
                    known[table] = {}
                    db.execute(f"CREATE TABLE {table} (_key TEXT PRIMARY KEY)")
                for column in row.keys() - known[table].keys():
                    known[table][column] = db.execute(f'ALTER TABLE {table} ADD COLUMN "{column}"')
                key = str(line["key"])
                if (table, key) not in seen:
                    seen.add((table, key))
                    if row:
                        columns = ", ".join(f'"{column}"' for column in row)
                        values = [json.dumps(v) if isinstance(v, dict) else v for v in row.values()]
                        marks = ", ".join("?" * (len(row) + 1))
                        db.execute(f"INSERT INTO {table} (_key, {columns}) VALUES ({marks})", [key, *values])
    db.commit()

For example:  sqlite3 metadata.db "select archive_id, source_path, archived_path from archive_entries where purged_at is null"
The format is described in docs/vault-format.md of pywats-archive.
"""


def introduce(vault: Vault) -> None:
    """Store the page in a vault that has none; an older one stays."""
    if vault.size_of(names.README) is None:
        with suppress(KeyTaken):
            vault.put_new(names.README, TEXT.encode("ascii"))
