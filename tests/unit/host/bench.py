"""A workbench for converters: code written to a converters folder, a file beside it, a job over both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pywats_archive.host.job import ConversionJob

HEAD = """
import asyncio, json, os, sys, subprocess
from datetime import datetime, timedelta
from pywats_client.converters.file_converter import FileConverter
from pywats_client.converters.folder_converter import FolderConverter
from pywats_client.converters.scheduled_converter import ScheduledConverter
from pywats_client.converters.base import ConverterBase
from pywats_client.converters.models import *

REPORT = {"id": "11111111-2222-3333-4444-555555555555", "type": "T", "pn": "P1", "sn": "S1", "rev": "A",
          "processCode": 10, "result": "P", "machineName": "M", "location": "L", "purpose": "T",
          "start": "2026-02-13T10:00:00+00:00", "root": {"name": "Main", "steps": [{"name": "s"}]}}
"""
PASSWORD = "correct horse"


class Bench:
    """``code`` writes a converters' file; ``job`` names a class of it and a source."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "converters"
        self.folder.mkdir()
        self.source = root / "watch" / "unit 1.txt"
        self.source.parent.mkdir()
        self.source.write_text("measured", encoding="utf-8")

    def code(self, text: str, *, name: str = "own.py") -> Path:
        """Write a file into the converters folder, with imports and a sound report before ``text``."""
        path = self.folder / name
        path.write_text(HEAD + text, encoding="utf-8")
        return path

    def converting(self, body: str, *, more: str = "") -> ConversionJob:
        """Write a file converter whose ``convert`` has this body; ``more`` are further members."""
        lines = "\n".join(f"        {line}" for line in body.splitlines())
        self.code(
            "class Own(FileConverter):\n"
            "    name = property(lambda self: 'Own')\n"
            "    version = property(lambda self: '3.2.1')\n"
            "    arguments_schema = property(lambda self: {\n"
            "        'password': ArgumentDefinition(arg_type=ArgumentType.PASSWORD),\n"
            "        'greeting': ArgumentDefinition(arg_type=ArgumentType.STRING, default='hello')})\n"
            f"    def convert(self, source, context):\n{lines}\n{more}"
        )
        return self.job("own.Own")

    def job(self, module_path: str, **fields: Any) -> ConversionJob:
        """Give a job for the bench's source."""
        told = {"source_path": str(self.source), "watch_folder": str(self.source.parent), "station_name": "ST-7"}
        return ConversionJob(module_path=module_path, converters_folder=str(self.folder), **{**told, **fields})
