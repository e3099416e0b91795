"""The converters that pyWATS' AIConverter selects from: the station's own file converters, and the standard ones.

The AIConverter of pywats-api 0.6.0rc1 finds none: it imports modules that are not there.
"""

from __future__ import annotations

import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from pywats_archive.errors import ConverterUnavailable
from pywats_archive.host.converters import kind_of, load_class, new_instance
from pywats_archive.host.describing import describe, schema_of
from pywats_archive.host.headless import pywats_module
from pywats_archive.host.job import ConversionJob
from pywats_archive.models.conversion import ConverterInfo

_STANDARD = "pywats_client.converters.standard"


class Candidate:
    """A converter as AIConverter calls it; one of the station has its name and its arguments there."""

    def __init__(
        self, converter: type, module_path: str, *, name: str = "", arguments: Mapping[str, Any] | None = None
    ) -> None:
        self.converter = converter
        self.arguments = arguments
        """None: those of AIConverter."""
        self._instance = new_instance(converter, {})
        self._module_path = module_path
        self._context: Any = None
        self._on_choice: Callable[[Candidate], None] = lambda chosen: None
        self.name = name or str(self._instance.name)
        self.version = str(self._instance.version)

    @property
    def info(self) -> ConverterInfo:
        """The description of its code."""
        return describe(self.converter, self._instance, self._module_path)

    def on_choice(self, call: Callable[[Candidate], None]) -> None:
        """Call this when it is selected, before it converts."""
        self._on_choice = call

    def validate(self, source: Any, context: Any) -> Any:
        """Rate a source."""
        return self._instance.validate(source, self._loaded(context))

    def convert(self, source: Any, context: Any) -> Any:
        """Convert a source."""
        self._on_choice(self)
        return self._instance.convert(source, self._loaded(context))

    def unload(self) -> None:
        """Call ``on_unload`` if ``on_load`` was called."""
        if self._context is not None:
            with suppress(Exception, SystemExit):
                self._instance.on_unload()

    def _loaded(self, context: Any) -> Any:
        if self._context is None:
            self._context = context if self.arguments is None else self._with_arguments(context)
            self._instance.on_load(self._context)
        return self._context

    def _with_arguments(self, context: Any) -> Any:
        defaults = {name: getattr(each, "default", None) for name, each in schema_of(self._instance).items()}
        known = {name: value for name, value in defaults.items() if value is not None}
        return replace(context, arguments={**known, **(self.arguments or {})})


class Selection:
    """The selection of one conversion; it offers nothing to another converter than AIConverter."""

    def __init__(self, converter: type, job: ConversionJob) -> None:
        self._converter: Any = converter
        self._job = job
        self.chosen: Candidate | None = None
        """The converter that AIConverter selected, once it converts."""

    @contextmanager
    def offered(self, on_choice: Callable[[Candidate], None]) -> Iterator[list[str]]:
        """Offer the candidates; the list says which of the station's own cannot be offered, and why."""
        if not _selects(self._converter):
            yield []
            return
        faults: list[str] = []
        candidates = list(self._candidates(faults))

        def choose(candidate: Candidate) -> None:
            self.chosen = candidate
            on_choice(candidate)

        registry: dict[str, Candidate] = {}
        for each in candidates:
            each.on_choice(choose)
            registry.setdefault(each.name, each)
        self._converter._converter_registry = registry
        self._converter._registry_initialized = True
        try:
            yield faults
        finally:
            for each in candidates:
                each.unload()
            self._converter.clear_registry()

    def _candidates(self, faults: list[str]) -> Iterator[Candidate]:
        """Yield the station's own converters first: of two that rate a source alike, AIConverter selects the first."""
        known: set[type] = set()
        for other in self._job.others:
            try:
                converter = load_class(other.module_path, Path(self._job.converters_folder))
                if kind_of(converter) == "file" and not _selects(converter):
                    yield Candidate(converter, other.module_path, name=other.name, arguments=other.arguments)
                    known.add(converter)
            except ConverterUnavailable as exc:
                faults.append(f"'{other.name}' was not offered to the selection: {exc}")
        for converter in _standard():
            if converter not in known:
                yield Candidate(converter, f"{converter.__module__}.{converter.__name__}")


def _selects(converter: type) -> bool:
    module = sys.modules.get(f"{_STANDARD}.ai_converter")
    return module is not None and issubclass(converter, module.AIConverter)


@cache
def _standard() -> tuple[type, ...]:
    """Return the standard file converters of pyWATS, but AIConverter."""
    package = pywats_module(_STANDARD)
    modules = [pywats_module(f"{_STANDARD}.{each.name}") for each in pkgutil.iter_modules(package.__path__)]
    classes = [each for module in modules for each in vars(module).values() if _is_of(module, each)]
    return tuple(each for each in classes if kind_of(each) == "file" and not _selects(each))


def _is_of(module: Any, value: object) -> bool:
    return inspect.isclass(value) and value.__module__ == module.__name__
