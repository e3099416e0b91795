"""The configuration of a converter: pyWATS' own keys and those that pywats-archive adds."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pywats_archive.config.companions import BUILT_IN_COMPANIONS, companion_fault, is_writable
from pywats_archive.config.keys import RETENTION_KEYS, meant_key
from pywats_archive.config.outline import ConverterOutline
from pywats_archive.errors import ConfigError
from pywats_archive.models.retention.policy import RetentionPolicy

_LONGEST_SHOWN = 200
_TEN_YEARS_S = 315_360_000
_MOST_GB = 1_000_000_000
"""A thousand times the largest disks; in bytes it fits in 64 bits."""


class PostProcessAction(str, Enum):
    """What happens to a source after a successful conversion."""

    MOVE = "move"
    DELETE = "delete"
    ZIP = "zip"
    KEEP = "keep"
    ARCHIVE = "archive"


class ConverterConfig(BaseModel):
    """One converter's section of pyWATS' configuration, with the archive's keys.

    Unknown keys are ignored, as pyWATS does. Sizes in GB are 10⁹ bytes.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    name: str = Field(min_length=1, max_length=255)
    module_path: str = Field(min_length=1)
    watch_folder: str = ""
    done_folder: str = ""
    error_folder: str = ""
    pending_folder: str = ""
    converter_type: Literal["file", "folder", "scheduled"] = "file"
    enabled: bool = True
    priority: int = Field(default=5, ge=1, le=10)
    arguments: dict[str, Any] = Field(default_factory=dict, repr=False)
    file_patterns: list[str] = Field(default_factory=lambda: ["*.*"])
    folder_patterns: list[str] = Field(default_factory=lambda: ["*"])
    alarm_threshold: float = Field(default=0.5, ge=0, le=1)
    reject_threshold: float = Field(default=0.2, ge=0, le=1)
    max_retries: int = Field(default=3, ge=0, le=1_000_000)
    retry_delay_seconds: float = Field(default=60, ge=0, le=_TEN_YEARS_S)
    schedule_interval_seconds: float | None = Field(default=None, gt=0, le=_TEN_YEARS_S)
    cron_expression: str | None = None
    run_on_startup: bool = False
    readiness_marker: str = "COMPLETE.marker"
    min_file_count: int | None = None
    post_action: PostProcessAction = PostProcessAction.MOVE

    archive_enabled: bool = False
    archive_folder: str = ""
    compliance: bool = False
    """Whether the archive is compliant; once it is, that cannot be taken back."""
    retention_days: int = Field(default=90, ge=1, le=36_500)
    max_archive_size_gb: float = Field(default=10.0, gt=0)
    failed_retention_days: int | None = Field(default=None, ge=1, le=36_500)
    """None: twice as long."""
    min_entries: int = Field(default=0, ge=0, le=10**12)
    min_days: int = Field(default=0, ge=0, le=36_500)
    purge_unsubmitted: bool = False
    alarm: int = Field(default=10, ge=0, le=1_000_000)
    """The number of failures within an hour that raises an alert; 0 for none."""
    min_free_gb: float | None = Field(default=None, ge=0, le=_MOST_GB)
    """None: 1 GB, or 5 % of a smaller disk."""
    compression_level: int = Field(default=6, ge=1, le=9)
    archive_source_files: bool = True
    archive_output_reports: bool = True
    on_archive_error: Literal["hold", "continue"] = "hold"
    archive_companions: list[str] = Field(default_factory=list)
    encryption: bool = False
    """Whether the archive is created encrypted, and must be."""
    allow_same_id: bool = False
    append: bool = False
    """Whether a file grows with each unit, so that its earlier reports are not new."""
    settle_seconds: float = Field(default=2.0, ge=0, le=3600)
    timeout_seconds: float = Field(default=300.0, gt=0, le=2_592_000)
    memory_limit_mb: float = Field(default=4000.0, ge=0, le=_MOST_GB)
    empty_seconds: float = Field(default=60.0, ge=0, le=86_400)
    """How long a source may be empty before it is skipped."""
    late_seconds: float = Field(default=60.0, ge=0, le=86_400)
    """How long a source is checked for late writes after it was moved; 0: never."""
    verify_interval_days: float = Field(default=30.0, ge=0, le=36_500)
    verify_rate_mb_s: float = Field(default=10.0, gt=0, le=1_000_000)

    @field_validator("name", "module_path")
    @classmethod
    def _is_text(cls, text: str) -> str:
        if not is_writable(text):
            raise ValueError("it has a NUL character, or half of a surrogate pair; correct it")
        return text

    @field_validator("archive_companions")
    @classmethod
    def _are_rules(cls, rules: list[str]) -> list[str]:
        for rule in rules:
            if problem := companion_fault(rule):
                raise ValueError(f"{rule!r}: {problem}")
        return rules

    @model_validator(mode="after")
    def _needs_a_folder(self) -> ConverterConfig:
        if self.enabled and self.converter_type != "scheduled" and not self.watch_folder:
            raise ValueError("watch_folder is missing; name the folder to watch")
        self.retention_policy()
        return self

    def retention_said(self) -> dict[str, Any]:
        """Return the retention keys that are set in this section, by their names in a policy."""
        return {name: getattr(self, key) for key, name in RETENTION_KEYS.items() if key in self.model_fields_set}

    def retention_policy(self) -> RetentionPolicy | None:
        """Return the policy of this section; None if it has no retention key."""
        if not self.model_fields_set & RETENTION_KEYS.keys():
            return None
        values = {name: getattr(self, key) for key, name in RETENTION_KEYS.items()}
        return RetentionPolicy(converter_name=self.name, **values)

    def outline(self) -> ConverterOutline:
        """Return what a reader needs of it."""
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(ConverterOutline)}
        patterns = {key: tuple(values[key]) for key in ("file_patterns", "folder_patterns")}
        return ConverterOutline(**{**values, **patterns})

    @property
    def append_fault(self) -> str | None:
        """Why ``append`` has no effect; None if it has, or is not set."""
        if not self.append:
            return None
        if self.converter_type != "file":
            return f"a {self.converter_type} converter has no file that grows"
        if not self.archive_enabled:
            return "without archive_enabled the earlier content of the file is unknown"
        if not self.archive_source_files:
            return "without archive_source_files the earlier content of the file is unknown"
        if self.post_action is not PostProcessAction.KEEP:
            return f"post_action '{self.post_action.value}' takes the file out of the folder in which it is to grow; set 'keep'"
        return None

    @property
    def is_appended(self) -> bool:
        """Whether ``append`` is set and has an effect."""
        return self.append and self.append_fault is None

    @property
    def companion_rules(self) -> tuple[str, ...]:
        """Globs relative to the source's folder, with ``{stem}`` and ``{name}``: configured or built in."""
        class_name = self.module_path.rpartition(".")[2]
        return tuple(self.archive_companions) or BUILT_IN_COMPANIONS.get(class_name, ())


def parse_converter(section: dict[str, Any], *, file: Path) -> ConverterConfig:
    """Check one converter's section; a bad value is one ConfigError naming file, converter, key and range."""
    for key in section.keys() - ConverterConfig.model_fields.keys():
        if meant := meant_key(key):
            raise ConfigError(f"{file}: converter {_named(section)}: there is no key '{key}'; write '{meant}'")
    try:
        return ConverterConfig.model_validate(section)
    except ValidationError as exc:
        faults = "; ".join(_describe(fault) for fault in exc.errors())
        raise ConfigError(f"{file}: converter {_named(section)}: {faults}") from exc


def _named(section: dict[str, Any]) -> str:
    return _shown(str(section.get("name") or "(without a name)"))


def _describe(fault: Any) -> str:
    message = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        return str(message)
    key = ".".join(str(part) for part in fault["loc"])
    value = "" if fault["loc"][0] == "arguments" else f" = {_shown(fault['input'])}"  # an argument may be a secret
    return f"{key}{value}: {message[0].lower()}{message[1:]}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
