"""Typed configuration of a converter: pyWATS' own keys and the archive's; no file is read here."""

from __future__ import annotations

import re
import string
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pywats_archive.errors import ConfigError
from pywats_archive.models.policy import RetentionPolicy
from pywats_archive.redaction import know_address, know_token

ARCHIVE_KEYS = (
    "archive_enabled",
    "archive_folder",
    "retention_days",
    "failed_retention_days",
    "max_archive_size_gb",
    "min_entries",
    "min_days",
    "purge_unsubmitted",
    "alarm",
    "min_free_gb",
    "compression_level",
    "archive_source_files",
    "archive_output_reports",
    "on_archive_error",
    "archive_companions",
    "allow_same_id",
    "append",
    "settle_seconds",
    "empty_seconds",
    "late_seconds",
    "timeout_seconds",
    "memory_limit_mb",
    "verify_interval_days",
    "verify_rate_mb_s",
)
"""The keys that pyWATS does not know (``archive_folder`` it knows, and wipes)."""

STATION_KEYS = ("submit_timeout_seconds",)
"""The keys of the whole station that pyWATS does not know."""

BUILT_IN_COMPANIONS = {
    "KlippelConverter": ("{stem}/*.txt",),
    "TeradyneICTConverter": ("sn.config",),
}
"""Companion rules for standard converters, by class name: what their code reads beside the source."""


_LONGEST_SHOWN = 200
_TEN_YEARS_S = 315_360_000
_MOST_GB = 1_000_000_000
"""A thousand times what the largest disks have; in bytes it fits in 64 bits."""

RETENTION_KEYS = {
    "retention_days": "retention_days",
    "failed_retention_days": "failed_retention_days",
    "max_archive_size_gb": "max_size_gb",
    "compression_level": "compression_level",
    "min_entries": "min_entries",
    "min_days": "min_days",
    "purge_unsubmitted": "purge_unsubmitted",
}
"""The keys of retention, and what each is called in a policy."""


COMPANION_NAMES = re.compile(r"\{(stem|name)\}|\{\{|\}\}")
"""What is replaced in a companion rule: by the source's own stem or name, or by a brace."""


def companion_fault(rule: str) -> str | None:
    """Return why a companion rule is none, with what to write; None where it is one."""
    parts = re.split(r"[\\/]", rule)
    if not "".join(parts).strip(" ."):
        return "it is empty; take it out, or write such as '{stem}/*.txt'"
    if not _is_writable(rule):
        return "it has a NUL character, or half of a surrogate pair; correct it"
    if rule.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", rule):
        return "companions lie beside their source; write a path relative to the source's folder"
    if re.search(r"[{}]", COMPANION_NAMES.sub("", rule)):
        return "only {stem} and {name} may stand in braces; a brace of a name is written twice"
    if any("**" in part and part != "**" for part in parts):
        return "'**' may only stand for whole folders, as in '**/*.txt'"
    return None


class PostProcessAction(str, Enum):
    """What becomes of a source after a successful conversion."""

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
    retention_days: int = Field(default=90, ge=1, le=36_500)
    max_archive_size_gb: float = Field(default=10.0, gt=0)
    failed_retention_days: int | None = Field(default=None, ge=1, le=36_500)
    """None: twice as long."""
    min_entries: int = Field(default=0, ge=0, le=10**12)
    min_days: int = Field(default=0, ge=0, le=36_500)
    purge_unsubmitted: bool = False
    alarm: int = Field(default=10, ge=0, le=1_000_000)
    """So many failures within an hour are an alert; 0 for none."""
    min_free_gb: float | None = Field(default=None, ge=0, le=_MOST_GB)
    """None: 1 GB, or 5 % of a smaller disk."""
    compression_level: int = Field(default=6, ge=1, le=9)
    archive_source_files: bool = True
    archive_output_reports: bool = True
    on_archive_error: Literal["hold", "continue"] = "hold"
    archive_companions: list[str] = Field(default_factory=list)
    allow_same_id: bool = False
    append: bool = False
    """Whether one file grows by each unit: a report that it had before is no new one."""
    settle_seconds: float = Field(default=2.0, ge=0, le=3600)
    timeout_seconds: float = Field(default=300.0, gt=0, le=2_592_000)
    memory_limit_mb: float = Field(default=4000.0, ge=0, le=_MOST_GB)
    empty_seconds: float = Field(default=60.0, ge=0, le=86_400)
    """How long a source without bytes may stay so before it is skipped."""
    late_seconds: float = Field(default=60.0, ge=0, le=86_400)
    """For how long after a source has left it is looked at for what is still written to it; 0: never."""
    verify_interval_days: float = Field(default=30.0, ge=0, le=36_500)
    verify_rate_mb_s: float = Field(default=10.0, gt=0, le=1_000_000)

    @field_validator("name", "module_path")
    @classmethod
    def _is_text(cls, text: str) -> str:
        if not _is_writable(text):
            raise ValueError("it has a NUL character, or half of a surrogate pair; correct it")
        return text

    @field_validator("archive_companions")
    @classmethod
    def _are_rules(cls, rules: list[str]) -> list[str]:
        for rule in rules:
            if told := companion_fault(rule):
                raise ValueError(f"{rule!r}: {told}")
        return rules

    @model_validator(mode="after")
    def _needs_a_folder(self) -> ConverterConfig:
        if self.enabled and self.converter_type != "scheduled" and not self.watch_folder:
            raise ValueError("watch_folder is missing; name the folder to watch")
        self.retention_policy()
        return self

    def retention_said(self) -> dict[str, Any]:
        """Return what this section says of retention in so many words, by the names of a policy."""
        return {name: getattr(self, key) for key, name in RETENTION_KEYS.items() if key in self.model_fields_set}

    def retention_policy(self) -> RetentionPolicy | None:
        """Give the policy that this section speaks of; None when it says nothing of retention."""
        if not self.model_fields_set & RETENTION_KEYS.keys():
            return None
        values = {name: getattr(self, key) for key, name in RETENTION_KEYS.items()}
        return RetentionPolicy(converter_name=self.name, **values)

    @property
    def append_fault(self) -> str | None:
        """Why ``append`` can have no effect; None where it has, or is not set."""
        if not self.append:
            return None
        if self.converter_type != "file":
            return f"a {self.converter_type} converter has no file that grows"
        if not self.archive_enabled:
            return "without archive_enabled nobody knows what the file held before"
        if not self.archive_source_files:
            return "without archive_source_files nobody knows what the file held before"
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


class ServerConfig(BaseModel):
    """Where reports go and who sends them."""

    model_config = ConfigDict(frozen=True)

    service_address: str = ""
    api_token: str = Field(default="", repr=False)
    station_name: str = ""
    submit_timeout_seconds: float = Field(default=30.0, gt=0, le=3600)
    """How long the first try to send a report may take; one that was too short gets twice as long the next time."""

    @field_validator("service_address", "api_token", mode="before")
    @classmethod
    def _without_margin(cls, text: Any) -> Any:
        return stripped(text)

    def keep_secret(self) -> None:
        """Let no text show the token, nor credentials in the address."""
        know_token("api_token", self.api_token)
        know_address("service_address", self.service_address)


def stripped(text: Any) -> Any:
    """Return a text as it was meant: an editor or a script easily leaves a newline or a byte order mark around it."""
    return text.strip(_MARGIN) if isinstance(text, str) else text


_MARGIN = f"{string.whitespace}\ufeff\u200b\xa0\0"


class WebhookConfig(BaseModel):
    """Where alerts are posted, in pyWATS' own keys; empty addresses post nothing."""

    model_config = ConfigDict(frozen=True)

    webhook_converter_url: str = Field(default="", repr=False)
    webhook_service_url: str = Field(default="", repr=False)
    webhook_auth_header: str = ""
    webhook_auth_value: str = Field(default="", repr=False)

    @field_validator("*", mode="before")
    @classmethod
    def _without_margin(cls, text: Any) -> Any:
        return stripped(text)

    def keep_secret(self) -> None:
        """Let no text show what the header says, nor what follows the host in an address: many webhooks have a secret there."""
        for value in (self.webhook_auth_value, self.webhook_auth_value.rpartition(" ")[2]):
            know_token("webhook_auth_value", value)
        for key in ("webhook_converter_url", "webhook_service_url"):
            know_address(key, getattr(self, key), is_secret=True)

    @field_validator("webhook_converter_url", "webhook_service_url")
    @classmethod
    def _is_address(cls, address: str) -> str:
        if address and not address.startswith(("http://", "https://")):
            raise ValueError("write an address that begins with https:// or http://")
        return address


class StationConfig(BaseModel):
    """All that one configuration file says, with its paths made absolute."""

    model_config = ConfigDict(frozen=True)

    path: Path
    converters_folder: Path
    server: ServerConfig
    webhook: WebhookConfig = WebhookConfig()
    converters: tuple[ConverterConfig, ...]

    def archive_root(self, converter: ConverterConfig) -> Path:
        """Give the folder of the archive that this converter's sources go to."""
        base = self.path.parent
        return base / converter.archive_folder if converter.archive_folder else base / "archive"

    def archive_roots(self, *, even_unused: bool = False) -> tuple[Path, ...]:
        """Give each archive of the converters that use one, once, in the order of the file; or of all that could."""
        roots = (self.archive_root(c) for c in self.converters if c.archive_enabled or even_unused)
        return tuple(dict.fromkeys(roots))

    def converter(self, name: str) -> ConverterConfig | None:
        """Give the section of the converter called ``name``, if there is one."""
        return next((c for c in self.converters if c.name == name), None)


def parse_converter(section: dict[str, Any], *, file: Path) -> ConverterConfig:
    """Check one converter's section; a bad value is one ConfigError naming file, converter, key and range."""
    for key in section.keys() - ConverterConfig.model_fields.keys():
        if len(key) < _LONGEST_SHOWN and (meant := get_close_matches(key, ARCHIVE_KEYS, n=1, cutoff=0.85)):
            raise ConfigError(f"{file}: converter {_named(section)}: there is no key '{key}'; write '{meant[0]}'")
    try:
        return ConverterConfig.model_validate(section)
    except ValidationError as exc:
        faults = "; ".join(_describe(fault) for fault in exc.errors())
        raise ConfigError(f"{file}: converter {_named(section)}: {faults}") from exc


def _named(section: dict[str, Any]) -> str:
    return _shown(str(section.get("name") or "(without a name)"))


def _is_writable(text: str) -> bool:
    """Whether a file system, a database and a log can take the text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


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
