"""The table of verbs: ``--help`` and the search for a mistyped verb need it, and no verb's module."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from enum import Enum
from typing import NamedTuple

PROGRAM = "pywats-archive"
COMPLETION_VARIABLE = "_PYWATS_ARCHIVE_COMPLETE"
"""Set by the completion script of a shell, to ``complete_`` and the name of the shell."""
ABOUT = "Archives each test log before its conversion, each report before it is sent."


class Group(Enum):
    """What a verb is for; the value is its heading in the help."""

    RUN = "Run a station"
    FIND = "Find files and entries"
    KEEP = "Keep and purge"
    REPLAY = "Replay through a converter"
    TRUST = "Trust and repair"


class Verb(NamedTuple):
    """One verb; ``help`` has at most 45 characters, and is the first line of the verb's own help."""

    name: str
    group: Group
    help: str
    place: str
    """The module in this package, and in it a function, or an app of verbs of its own."""
    logs: bool = True
    """Whether the log is configured before it runs; a reader has none."""


VERBS = (
    Verb("demo", Group.RUN, "Try it out: run a simulated station once.", "demo:demo"),
    Verb("init", Group.RUN, "Set up a station, question by question.", "init.start:init"),
    Verb("run", Group.RUN, "Run the service until it is stopped.", "run:run"),
    Verb("status", Group.RUN, "Show whether all is well, or find one file.", "status:status", logs=False),
    Verb("logs", Group.RUN, "Show the log of the service.", "log_view:logs", logs=False),
    Verb("web", Group.RUN, "Serve the web pages.", "web:app"),
    Verb("doctor", Group.RUN, "Check the whole station.", "doctor:doctor"),
    Verb("service", Group.RUN, "Start the service with the machine.", "service:app"),
    Verb("list", Group.FIND, "List entries, newest first.", "list_:list_entries", logs=False),
    Verb("search", Group.FIND, "Search names, numbers, errors and warnings.", "search:search", logs=False),
    Verb("show", Group.FIND, "Show one entry and its history.", "show:show", logs=False),
    Verb("cat", Group.FIND, "Print a source, a companion or a report.", "cat:cat", logs=False),
    Verb("restore", Group.FIND, "Restore sources with their companions.", "restore:restore"),
    Verb("export", Group.FIND, "Export entries with proof.", "export:export"),
    Verb("plant", Group.FIND, "Search all stations of a plant.", "plant.app:app"),
    Verb("docs", Group.FIND, "List or print pages of the documentation.", "docs:docs", logs=False),
    Verb("completion", Group.FIND, "Print the completion script of a shell.", "completion:completion", logs=False),
    Verb("stats", Group.KEEP, "Show sizes, outcomes and growth.", "stats:stats", logs=False),
    Verb("plan", Group.KEEP, "Estimate the disk space an archive needs.", "plan:plan", logs=False),
    Verb("policy", Group.KEEP, "Show and set retention policies.", "policy:app"),
    Verb("purge", Group.KEEP, "Purge entries by policy, id or filter.", "purge:purge"),
    Verb("erase", Group.KEEP, "Erase entries for good, for privacy.", "erase:erase"),
    Verb("import", Group.KEEP, "Import a bag or an old Done folder.", "import_:import_"),
    Verb("hold", Group.KEEP, "Keep entries from every purge.", "hold:app"),
    Verb("approve", Group.KEEP, "Approve what another person requested.", "approve:approve"),
    Verb("reprocess", Group.REPLAY, "Replay sources, compare, send the reports.", "reprocess.app:app"),
    Verb("events", Group.TRUST, "Show the history: who did what, and when.", "events:events", logs=False),
    Verb("anchor", Group.TRUST, "Sign the newest event, as a line to keep.", "anchor:anchor"),
    Verb("audit", Group.TRUST, "Show who read or changed what, as CSV too.", "audit:audit", logs=False),
    Verb("verify", Group.TRUST, "Check all that is archived for changes.", "verify:verify"),
    Verb("vault", Group.TRUST, "Copy archives to a bucket or a share.", "vault:app"),
    Verb("qualify", Group.TRUST, "Check this installation, write a protocol.", "qualify:qualify"),
    Verb("rebuild", Group.TRUST, "Rebuild metadata.db from the blobs.", "rebuild:rebuild"),
)
NAMED = {verb.name: verb for verb in VERBS}
_OPTIONS = (
    ("-h, --help", "Show this help."),
    ("--version", "Show the version."),
    ("--version --verbose", "Show what a bug report needs."),
)


_HINT = f"""\
'{PROGRAM} VERB -h' shows the options of a verb, with an example.
'{PROGRAM} docs' lists the pages of the documentation."""


def overview() -> str:
    """Return the help of the command."""
    groups = {group.value: [(verb.name, verb.help) for verb in VERBS if verb.group is group] for group in Group}
    parts = [_part(heading, rows) for heading, rows in [*groups.items(), ("Options", _OPTIONS)]]
    return "\n\n".join([f"Usage: {PROGRAM} VERB [OPTIONS]", ABOUT, *parts, _HINT]) + "\n"


def version() -> str:
    """Return the line of ``--version``."""
    from importlib import metadata  # noqa: PLC0415 (needed for nothing else)

    return f"{PROGRAM} {metadata.version(PROGRAM)}\n"


def unknown(word: str) -> str:
    """Return what to say of a word that is no verb."""
    near = get_close_matches(word.lower(), NAMED, n=1)
    meant = f"did you mean '{near[0]}'? " if near else ""
    return f"no verb '{word}'; {meant}'{PROGRAM} --help' lists the verbs"


def _part(heading: str, rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join([f"{heading}:", *(f"  {name:<20} {text}" for name, text in rows)])
