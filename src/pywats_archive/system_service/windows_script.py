"""The PowerShell script that installs a service of Windows by hand. Pure."""

from __future__ import annotations

import re
import subprocess

from pywats_archive.system_service.accounts import LOCAL_SYSTEM, needs_password
from pywats_archive.system_service.control import Order
from pywats_archive.system_service.instance import SERVICE_NAME

DESCRIPTION = "Archives every test log before it is converted, and every report before it is sent."
RESTARTS_MS = (10_000, 60_000, 300_000)
"""How long after a failure the service starts again; the last delay holds for all further failures."""
_QUOTES = re.compile("['\u2018-\u201b]")
_TEXT = """\
# Installs pywats-archive as a service of Windows. Run it in a PowerShell that was started as administrator.
$ErrorActionPreference = 'Stop'
$service = @{{
    Name           = {name}
    DisplayName    = {display_name}
    Description    = {description}
    BinaryPathName = {command}
    StartupType    = 'Automatic'
}}
{credential}New-Service @service
& "$env:SystemRoot\\System32\\sc.exe" config {name} start= delayed-auto{account}
& "$env:SystemRoot\\System32\\sc.exe" failure {name} reset= 86400 actions= {restarts}
& "$env:SystemRoot\\System32\\sc.exe" failureflag {name} 1
"""
_CREDENTIAL = """\
# The password is asked for. The account needs the right to log on as a service.
$service.Credential = Get-Credential -UserName {account} -Message 'The account of the service'
"""


def script(order: Order) -> str:
    """Return the script that creates a service as ``install`` does, with no password in it."""
    is_asked = needs_password(order.account)
    is_own = not is_asked and order.account != LOCAL_SYSTEM
    return _TEXT.format(
        name=_quoted(order.name),
        display_name=_quoted(display_name(order)),
        description=_quoted(DESCRIPTION),
        command=_quoted(subprocess.list2cmdline(order.command)),
        credential=_CREDENTIAL.format(account=_quoted(order.account)) if is_asked else "",
        account=f" obj= {_quoted(order.account)}" if is_own else "",
        restarts="/".join(f"restart/{delay_ms}" for delay_ms in RESTARTS_MS),
    )


def display_name(order: Order) -> str:
    """Return the name that the Services console shows."""
    instance = order.name.removeprefix(SERVICE_NAME).lstrip("-")
    return f"pywats-archive ({instance})" if instance else "pywats-archive"


def _quoted(text: str) -> str:
    """Quote a text for PowerShell: nothing in it is expanded. Typographic quotes end a text there, too."""
    return "'" + _QUOTES.sub(r"\g<0>\g<0>", text) + "'"
