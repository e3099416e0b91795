"""The two tables of an index: their columns, and the SQL that finds the newest state of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.plant import rows
from pywats_archive.plant.duck import files_sql, pattern_of
from pywats_archive.plant.manifest import ARCHIVE_SHIFT, Manifest

ARCHIVE = f"(chain >> {ARCHIVE_SHIFT})"
"""The number of the archive of a row."""
_PLACE = {
    "chain": "UINTEGER",
    "archived": "BIGINT",
    "tail": "UINTEGER",
    "version": "BIGINT",
    "held": "BIGINT",
    "held_chain": "UINTEGER",
    "path": "VARCHAR",
}
"""``archived`` and ``tail``: the id of the entry. ``version``: the number of the segment that the row is from; ``held`` and
``held_chain``: of that which has the blob. ``path``: see ``rows.whole_path``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexTable:
    """A table of the index."""

    name: str
    columns: Mapping[str, str]
    """The names and types of its columns."""
    key: Sequence[str]
    """The expressions that name a row."""
    order: str
    """How its files are sorted."""
    conversions: Mapping[str, str]
    """Columns that come as another type: the expression that converts them."""

    @property
    def keys(self) -> str:
        """The expressions of the key, as a list."""
        return ", ".join(self.key)

    @property
    def names(self) -> str:
        """The columns, as a list."""
        return ", ".join(self.columns)

    def read_sql(self, path: Path) -> tuple[str, Sequence[str]]:
        """Return the query for the rows in a file of JSON lines, with its values."""
        types = {name: "VARCHAR" if name in self.conversions else kind for name, kind in self.columns.items()}
        listed = ", ".join(f"{name}: '{kind}'" for name, kind in types.items())
        columns = ", ".join(
            f"{self.conversions[name]} AS {name}" if name in self.conversions else name for name in self.columns
        )
        form = f"format = 'newline_delimited', hive_partitioning = false, columns = {{{listed}}}"
        return f"SELECT {columns} FROM read_json(?, {form})", [pattern_of(path)]

    def newest_sql(self, source: str) -> str:
        """Return the query for the newest state of each row of a source that has the column ``rank``.

        ``rank`` is that of the history: one that began later has a greater one.
        """
        held = ", ".join(
            f"first_value({name} IGNORE NULLS) OVER all_states AS {name}" for name in ("held", "held_chain")
        )
        others = ", ".join(name for name in self.columns if name not in ("held", "held_chain"))
        return (
            f"SELECT {self.names} FROM (SELECT {others}, {held}, row_number() OVER states AS state FROM {source} "
            f"WINDOW states AS (PARTITION BY {self.keys} ORDER BY rank DESC, version DESC, held NULLS LAST), "
            f"all_states AS (PARTITION BY {self.keys} ORDER BY rank DESC, version DESC, held NULLS LAST "
            "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) WHERE state = 1"
        )

    def empty_sql(self) -> str:
        """Return the query for no row."""
        return "SELECT " + ", ".join(f"NULL::{kind} AS {name}" for name, kind in self.columns.items()) + " WHERE false"

    def now_sql(self, folder: Path, manifest: Manifest) -> str:
        """Return the query for all rows of an index, each once: those of ``today`` take the place of older ones."""
        recent = [each.name for each in manifest.of(self.name, "")]
        base = [each.name for each in manifest.of(self.name) if each.month]
        if not recent:
            return f"SELECT {self.names} FROM {files_sql(folder, base)}" if base else self.empty_sql()
        newest = f"SELECT {self.names} FROM {files_sql(folder, recent)}"
        if len(recent) > 1:
            newest += f" QUALIFY row_number() OVER (PARTITION BY {self.keys} ORDER BY filename DESC) = 1"
        if not base:
            return newest
        keys = f"SELECT {self.keys} FROM {files_sql(folder, recent)}"
        older = f"SELECT {self.names} FROM {files_sql(folder, base)} WHERE ({self.keys}) NOT IN ({keys})"
        return f"{newest} UNION ALL {older}"


ENTRIES = IndexTable(
    name=rows.ENTRIES,
    columns={
        **_PLACE,
        "converter": "VARCHAR",
        "converter_version": "VARCHAR",
        "folder": "VARCHAR",
        "name": "VARCHAR",
        "checksum": "BLOB",
        "size": "BIGINT",
        "converted": "BIGINT",
        "status": "VARCHAR",
        "error": "VARCHAR",
        "reason": "VARCHAR",
        "duration": "BIGINT",
        "warnings": "VARCHAR",
        "result": "VARCHAR",
        "serial": "VARCHAR",
        "part": "VARCHAR",
        "reports": "UINTEGER",
        "first_copy": "UINTEGER",
        "companions": "UINTEGER",
        "hold": "VARCHAR",
        "purged": "BIGINT",
    },
    key=(ARCHIVE, "archived", "tail"),
    order="archived, tail, chain",
    conversions={"checksum": "unhex(checksum)"},
)
REPORTS = IndexTable(
    name=rows.REPORTS,
    columns={
        **_PLACE,
        "number": "BIGINT",
        "ordinal": "UINTEGER",
        "copy": "UINTEGER",
        "serial": "VARCHAR",
        "serial_written": "VARCHAR",
        "part": "VARCHAR",
        "part_written": "VARCHAR",
        "process": "VARCHAR",
        "result": "VARCHAR",
        "started": "VARCHAR",
        "report_id": "UUID",
        "report_id_written": "VARCHAR",
        "submission": "VARCHAR",
    },
    key=("chain", "number", "archived", "tail"),
    order="serial, archived, tail, chain, number",
    conversions={"report_id": "report_id::UUID"},
)
TABLES = {table.name: table for table in (ENTRIES, REPORTS)}
