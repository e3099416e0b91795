"""The questions of ``init``, at a terminal: each answer is tried at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import typer
from rich import box
from rich.table import Table

from pywats_archive.cli.init import given as reading
from pywats_archive.cli.init import words
from pywats_archive.cli.init.given import Given, NamedConverter
from pywats_archive.cli.init.known import Known
from pywats_archive.cli.output import console
from pywats_archive.client.settings.setup import StationSetup
from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.errors import ArchiveError, UsageError
from pywats_archive.models.settings.setup import ConverterChoice, NewConverter, SetupAnswers
from pywats_archive.words.text import printable

Answer = TypeVar("Answer")
_OK = ("ok", "warning")


class Asking:
    """Asks for what the options leave open."""

    def __init__(self, setup: StationSetup, given: Given, known: Known, present: StationConfig | None) -> None:
        self._setup = setup
        self._given = given
        self._known = known
        self._present = present

    def answers(self) -> SetupAnswers:
        """Ask, and return all answers; typer.Abort if the person ends it."""
        answers = self._server()
        if self._given.converters:
            wanted: list[NamedConverter] = list(self._given.converters)
        elif self._taken(answers) and not typer.confirm("Add another converter?", default=False, err=True):
            return answers
        else:
            wanted = []
        choices = self._setup.choices(self._given.converters_folder)
        archive = self._archive_folder()
        if not wanted:
            draw_choices(choices)
        while True:
            named = wanted.pop(0) if wanted else None
            answers = self._with_converter(answers, choices, named, archive)
            is_asked = not self._given.converters
            if not wanted and not (is_asked and typer.confirm("Another converter?", default=False, err=True)):
                return answers

    def _server(self) -> SetupAnswers:
        given, known = self._given, self._known
        while True:
            address = given.server or ("" if known.has_address else self._address())
            token = given.token or ("" if known.has_token else self._token())
            answers = SetupAnswers(
                service_address=address,
                api_token=token,
                station_name=given.station_name,
                converters_folder=str(given.converters_folder or ""),
                anchor_folders=given.anchor_folders,
            )
            if given.is_offline:
                return answers
            found = self._setup.check_server(self._setup.plan(answers).station)
            _say(found.level.value, found.seen, found.advice)
            if found.level.value in _OK or typer.confirm("Keep it anyway?", default=False, err=True):
                return answers
            if not (address or token):
                raise ArchiveError("not confirmed; nothing was done")
            given = replace(given, server="", token="")

    def _address(self) -> str:
        return self._ask("Address of the WATS server", read=reading.address_of)

    def _token(self) -> str:
        def read(text: str) -> str:
            if not text.strip():
                raise UsageError("a token is needed; WATS shows it when it is made")
            return text.strip()

        return self._ask("Token (not shown)", read=read, is_hidden=True)

    def _archive_folder(self) -> str:
        if self._given.archive_folder:
            return reading.folder_of(self._given.archive_folder)
        return self._folder("Archive folder", "archive")

    def _with_converter(
        self, answers: SetupAnswers, choices: Sequence[ConverterChoice], named: NamedConverter | None, archive: str
    ) -> SetupAnswers:
        while True:
            try:
                made = self._converter(answers, choices, named, archive)
            except UsageError as exc:
                if named:
                    raise
                _say("no", str(exc))
                continue
            if made:
                return replace(answers, converters=(*answers.converters, made))
            if named:
                raise ArchiveError("not confirmed; nothing was done")

    def _converter(
        self, answers: SetupAnswers, choices: Sequence[ConverterChoice], named: NamedConverter | None, archive: str
    ) -> NewConverter | None:
        """Return a converter; None if it cannot be loaded and is not wanted then."""
        if named:
            choice, name = reading.chosen(named.converter, choices), named.name
        else:
            choice = self._ask("Converter (number or class)", read=lambda text: reading.chosen(text, choices))
            name = self._ask(
                "Name", default=reading.free_name(choice, self._taken(answers)), read=self._new_name(answers)
            )
        typed = reading.folder_of(named.folder) if named and named.folder else ""
        made = NewConverter(
            name=name,
            module_path=choice.module_path,
            watch_folder=typed or f"{name}/watch",
            **{"archive_folder": archive, **self._given.options()},
        )
        is_present = bool(self._present and self._present.converter(name))
        described = self._setup.describe(
            self._setup.plan(replace(answers, converters=(*answers.converters, made))), name
        )
        if isinstance(described, str):
            _say("failed", described)
            return made if typer.confirm("Use it anyway?", default=False, err=True) else None
        taken = ", ".join(described.folder_patterns if described.info.kind == "folder" else described.file_patterns)
        _say("ok", f"{described.info.class_name} {described.info.version}".strip(), f"takes {taken}" if taken else "")
        if described.info.kind == "scheduled":
            made = replace(made, watch_folder="", converter_type="scheduled")
        else:
            kind = "folder" if described.info.kind == "folder" else "file"
            folder = made.watch_folder if typed or is_present else self._folder("Watch folder", made.watch_folder)
            made = replace(made, watch_folder=folder, converter_type=kind)
        return made if is_present else self._kept(answers, made)

    def _kept(self, answers: SetupAnswers, made: NewConverter) -> NewConverter:
        """Ask what is kept, for how long, and what happens to the file."""
        given = self._given
        planned = self._setup.plan(replace(answers, converters=(*answers.converters, made)))
        load = self._setup.expected(planned, made.name)
        _say("room", words.room(load, made.retention_days))
        days = given.retention_days or self._ask(
            "Keep for how many days", default=made.retention_days, read=reading.days_of
        )
        if days != made.retention_days:
            _say("room", words.room_for(load, days))
        limit = given.max_size_gb or self._ask(
            "Size limit in GB", default=f"{words.size_limit(load, days):g}", read=reading.size_of
        )
        reports = given.reports
        if reports is None:
            reports = typer.confirm("Keep the reports too?", default=True, err=True)
        action = given.post_action or self._ask(
            "Post action (move, delete, zip, keep or archive)", default=made.post_action, read=reading.action_of
        )
        made = replace(
            made,
            retention_days=days,
            max_archive_size_gb=limit,
            archive_output_reports=reports,
            post_action=action,
        )
        station = self._setup.plan(replace(answers, converters=(*answers.converters, made))).station
        config = station.converter(made.name)
        assert config, "it is planned"
        draw_consequences(config)
        return made

    def _new_name(self, answers: SetupAnswers) -> Callable[[str], str]:
        def read(text: str) -> str:
            name = text.strip()
            if not name or name in self._taken(answers):
                raise UsageError(f"the name '{name}' is taken or empty; choose another one")
            return name

        return read

    def _taken(self, answers: SetupAnswers) -> Collection[str]:
        present = self._present.converters if self._present else ()
        return [*(each.name for each in present), *(each.name for each in answers.converters)]

    def _folder(self, question: str, usual: str) -> str:
        """Ask for a folder; the usual one stays relative to the configuration."""
        shown = str(Path(self._setup.config.parent, usual))
        typed = self._ask(question, default=shown, read=reading.folder_of)
        return usual if typed == shown else typed

    def _ask(
        self,
        question: str,
        *,
        read: Callable[[str], Answer],
        default: object = None,
        is_hidden: bool = False,
    ) -> Answer:
        while True:
            text = str(typer.prompt(question, default=default, hide_input=is_hidden, err=True))
            try:
                return read(text)
            except UsageError as exc:
                _say("no", str(exc))


def draw_choices(choices: Sequence[ConverterChoice]) -> None:
    """Print the converters to choose from."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, expand=True)
    table.add_column("", no_wrap=True)
    table.add_column("class", no_wrap=True)
    table.add_column("files", no_wrap=True)
    table.add_column("about", no_wrap=True, overflow="ellipsis", ratio=1)
    for number, each in enumerate(choices, start=1):
        origin = f"{each.module_path.partition('.')[0]}.py" if each.is_own else ""
        table.add_row(
            str(number),
            printable(each.class_name),
            printable(" ".join(each.patterns)),
            printable("; ".join(filter(None, (origin, each.about.removeprefix("Converts "))))),
        )
    console.print(table)


def draw_consequences(config: ConverterConfig) -> None:
    """Print what happens to a file, and when what of it is deleted."""
    for line in words.consequences(config):
        console.print(f"  {printable(line)}", soft_wrap=True)


def _say(level: str, seen: str, more: str = "") -> None:
    text = f"  {level:<8}{seen}" + (f"; {more}" if more else "")
    console.print(printable(text), style=_STYLES.get(level, ""), soft_wrap=True)


_STYLES = {"ok": "green", "warning": "yellow", "failed": "red", "no": "yellow"}
