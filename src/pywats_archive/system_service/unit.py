"""The text of a systemd unit: what is started, under which account, and what it may access. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.errors import UsageError
from pywats_archive.system_service.needs import Needs

_HOMES = ("/home", "/root", "/run/user")
_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 (the folders that PrivateTmp replaces)
_PLAIN = re.compile(r"[\w/.,:=+@%-]+")
"""A word that needs no quotes."""
_TEXT = """\
[Unit]
Description=pywats-archive, archives and converts test logs ({config_shown})
After=network-online.target local-fs.target remote-fs.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
User={account}
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID

# A stop waits for running conversions: only the main process gets SIGTERM.
KillMode=mixed
TimeoutStopSec={stop_limit_s}
# After any failure: the disk or share of the configuration may come later than the service.
Restart=on-failure
RestartSec=10
# A converter that runs out of memory does not end the service.
OOMPolicy=continue

# Everything is read-only, except the folders of the configuration.
ProtectSystem=strict
ProtectHome={protect_home}
PrivateTmp={private_tmp}
ReadWritePaths={writable}

NoNewPrivileges=yes
{capabilities}PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Isolation:
    """The folders that a unit hides, and those that stay writable."""

    protect_home: str
    private_tmp: bool
    writable: tuple[str, ...]


def unit_text(needs: Needs, *, account: str, command: Sequence[str]) -> str:
    """Return the unit of a service; UsageError if a path cannot be written in a unit."""
    isolation = isolation_of(needs)
    program, *words = command
    return _TEXT.format(
        config_shown=_specifiers_escaped(_text(str(needs.config))),
        account=_specifiers_escaped(account),
        command=" ".join([_program(program), *(_quoted(word).replace("$", "$$") for word in words)]),
        stop_limit_s=needs.stop_limit_s,
        protect_home=isolation.protect_home,
        private_tmp="yes" if isolation.private_tmp else "no",
        writable=" ".join(map(_quoted, isolation.writable)),
        capabilities="" if account == "root" else "CapabilityBoundingSet=\n",
    )


def isolation_of(needs: Needs) -> Isolation:
    """Decide what can be hidden from a service without hiding what it needs.

    A folder that is missing does not keep the service from starting; the service says what is wrong with it.
    """
    used = [os.path.realpath(path) for path in (*needs.writable, *needs.readable)]
    is_temporary = _any_within(used, _TEMPORARY)
    own = [f"-{folder}" for folder in needs.writable if folder not in map(Path, _TEMPORARY)]
    return Isolation(
        protect_home="read-only" if _any_within(used, _HOMES) else "yes",
        private_tmp=not is_temporary,
        writable=(*own, *(_TEMPORARY if is_temporary else ())),
    )


def _any_within(paths: Sequence[str], folders: Sequence[str]) -> bool:
    return any(Path(path).is_relative_to(folder) for path in paths for folder in folders)


def _quoted(word: str) -> str:
    """Quote a word if necessary (systemd.syntax(7)): backslashes and quotes are escaped, and specifiers do not apply."""
    escaped = _specifiers_escaped(_text(word)).replace("\\", "\\\\").replace('"', '\\"')
    return escaped if _PLAIN.fullmatch(escaped) else f'"{escaped}"'


def _program(path: str) -> str:
    """Quote the program of a command, in which systemd allows neither quotes nor backslashes."""
    if set(path) & set("\"'\\"):
        raise UsageError(f"{path}: systemd starts no program with such a path; install pywats-archive elsewhere")
    return _quoted(path)


def _specifiers_escaped(text: str) -> str:
    return text.replace("%", "%%")


def _text(word: str) -> str:
    """Require text that a unit can contain: UTF-8 without control characters."""
    try:
        word.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise UsageError(f"{word!r}: a unit of systemd cannot name a path that is not UTF-8; rename it") from exc
    if not all(character.isprintable() for character in word):
        raise UsageError(f"{word!r}: a unit of systemd cannot name a path with control characters; rename it")
    return word
