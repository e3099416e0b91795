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
<archive>/<chain>/repair/<number>-<n>.zip   repairs of segments that were damaged or lost; the greatest intact <n> counts
<archive>/blobs/repair/<sha256>-<n>.gz      repairs of such files that were damaged

Nothing here is ever replaced or removed by the stations.

With pywats-archive:  pywats-archive vault restore --to NEW-FOLDER --vault THIS-PLACE

Without it: a segment is a ZIP with the files of the archive under their own paths, each a .gz with its own name and time inside
(.gz.age: encrypted, see https://age-encryption.org). Run all of this here, beside vault.json (copy a bucket to a folder first),
with your own name in place of NEW-FOLDER. If there are repairs, copy this place first, go on in the copy, and replace damaged
and missing objects there by their repairs:

    ls -vr <archive>/<chain>/repair/*.zip 2>/dev/null |
    while read -r z; do
      s="<archive>/<chain>/segments/$(basename "${z%-*}").zip"; unzip -tq "$s" > /dev/null 2>&1 || cp -f "$z" "$s"
    done
    ls -v <archive>/blobs/repair/*.gz 2>/dev/null |
    while read -r z; do
      sha="$(basename "${z%-*}")"; echo "$sha  $z" | sha256sum -c --status && cp -f "$z" "<archive>/blobs/$sha.gz"
    done

A segment that can be read may still be another one than its station stored: then its SHA-256 differs from previous_segment in
segment.json of the next segment. Replace such a segment by its newest repair, too.

Unpack all segments of one chain, the newest first, into one folder:

    for z in $(ls -r <archive>/<chain>/segments/*.zip); do unzip -qn "$z" -d NEW-FOLDER -x segment.json rows.jsonl.gz; done

Add the files that are too large for a segment, under the names that segment.json gives them:

    for z in <archive>/<chain>/segments/*.zip; do unzip -p "$z" segment.json; done |
    sed -n '/"\\//d; /\\.\\.\\//d; s/^  "\\(.*\\)": "\\([0-9a-f]\\{64\\}\\)",*$/\\2 \\1/p' |
    while read -r sha path; do
      mkdir -p "NEW-FOLDER/${path%/*}"; cp -n "<archive>/blobs/$sha.gz" "NEW-FOLDER/$path"
    done

One file, under its own name and with its own time:

    gzip -dkN NEW-FOLDER/sources/2026/02/13/<id>.csv.gz

Files that the archive purged later are among them: the rows below say which (purged_at).

rows.jsonl.gz in each segment has the events of the history and the rows of the database, one a line, as JSON. The newest line
of a row is its state. With sqlite3 alone:

    for z in $(ls -r <archive>/<chain>/segments/*.zip); do unzip -p "$z" rows.jsonl.gz | gzip -d; done > NEW-FOLDER/rows.jsonl

    sqlite3 NEW-FOLDER/rows.db ".mode ascii" '.separator "\\037" "\\n"' "create table lines (line)" \\
      ".import NEW-FOLDER/rows.jsonl lines" "
      create table newest as select json_extract(line, '$.table') as tab, json_extract(line, '$.row') as state from lines
      where rowid in (select min(rowid) from lines group by json_extract(line, '$.table'), json_extract(line, '$.key'))"

    sqlite3 NEW-FOLDER/rows.db "select json_extract(state, '$.archived_path'), json_extract(state, '$.source_path') from newest
      where tab = 'archive_entries' and json_extract(state, '$.purged_at') is null"

With Python alone, as the tables of a database:

    import glob, gzip, json, sqlite3, zipfile
    db, seen, known = sqlite3.connect("NEW-FOLDER/metadata.db"), set(), {}
    for name in sorted(glob.glob("<archive>/<chain>/segments/*.zip"), reverse=True):  # the newest state of a row comes first
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

For example:

    sqlite3 NEW-FOLDER/metadata.db "select archived_path, source_path from archive_entries where purged_at is null"

The format is described in docs/vault-format.md of pywats-archive.
"""


def introduce(vault: Vault) -> None:
    """Store the page in a vault that has none; an older one stays."""
    if vault.size_of(names.README) is None:
        with suppress(KeyTaken):
            vault.put_new(names.README, TEXT.encode("ascii"))
