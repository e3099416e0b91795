"""``policy``: how long, and how much, is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from pywats_archive.cli import candidates, options
from pywats_archive.cli.account import AsOwnerOption, write_as
from pywats_archive.cli.output import console, facts, print_json, values_of
from pywats_archive.client import Client
from pywats_archive.errors import UsageError
from pywats_archive.models.retention.configured import Difference
from pywats_archive.models.retention.policy import EVERY_OTHER, RetentionPolicy
from pywats_archive.models.retention.purge import PurgePlan
from pywats_archive.portable.user import current_actor
from pywats_archive.retention.differing import describe
from pywats_archive.retention.station import InForce
from pywats_archive.words.purges import effect, limits
from pywats_archive.words.text import printable

app = typer.Typer(help="Show and set retention policies.", no_args_is_help=True, rich_markup_mode=None)
NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="CONVERTER",
        autocompletion=candidates.policies,
        help="A converter's name, or * for all other converters.",
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedPolicy(RetentionPolicy):
    """The policy of a converter in one archive."""

    archive: str
    """The folder of the archive."""
    is_own: bool
    """False if the converter follows the policy of all others (``*``)."""
    differences: tuple[Difference, ...]
    """Where the configuration differs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyList:
    """All policies."""

    policies: tuple[ListedPolicy, ...]
    """One for each converter of each archive, and one for all others (``*``)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyEffects(RetentionPolicy):
    """A policy, and what it would purge now."""

    effects: tuple[PurgePlan, ...]
    """One for each converter to which it applies."""


@app.command("list")
def list_policies(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """List the policies of all converters."""
    with options.open_client(archive, config) as client:
        found = client.retention.policies()
    if as_json:
        print_json(PolicyList(policies=tuple(map(_listed, found))))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("converter", "days", "failed", "size", "level", "at least", "not before", "unsubmitted", "own"):
        table.add_column(column, justify="left" if column in ("converter", "own") else "right")
    for each in found:
        table.add_row(
            *_row(each.policy),
            "yes" if each.is_own else ("built in" if each.policy.converter_name == EVERY_OTHER else "as *"),
        )
    console.print(table)
    for each in found:
        if each.differences:
            line = f"{each.policy.converter_name}: {describe(each.differences, is_compliant=each.is_compliant)}"
            console.print(printable(line), soft_wrap=True, style="yellow")


@app.command("show")
def show_policy(
    name: NameArgument,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Show a converter's policy.

    It also shows what the policy would purge now.
    """
    with options.open_client(archive, config) as client:
        policy = client.retention.policy(_known(client, name))
        effects = client.retention.effects(policy)
    if as_json:
        print_json(PolicyEffects(**values_of(policy), effects=effects))
        return
    console.print(facts(_facts(policy)))
    say_effects(effects)


@app.command("set")
def set_policy(
    name: NameArgument,
    retention_days: Annotated[int | None, typer.Option(help="Days to keep entries.")] = None,
    failed_retention_days: Annotated[
        int | None, typer.Option(help="Days to keep failed entries, at least as long; default: twice as long.")
    ] = None,
    max_size_gb: Annotated[
        float | None, typer.Option(help="Maximum size on disk of sources and reports, in GB (10⁹ bytes).")
    ] = None,
    min_entries: Annotated[int | None, typer.Option(help="Number of newest entries that are never purged.")] = None,
    min_days: Annotated[int | None, typer.Option(help="Never purge younger entries to meet the size limit.")] = None,
    purge_unsubmitted: Annotated[
        bool | None,
        typer.Option("--purge-unsubmitted/--keep-unsubmitted", help="Also purge entries with unsubmitted reports."),
    ] = None,
    compression_level: Annotated[
        int | None, typer.Option(help="Compression level of new files, 1 (fast) to 9 (small).")
    ] = None,
    enabled: Annotated[
        bool | None, typer.Option("--enabled/--disabled", help="Purge by this policy, or keep everything.")
    ] = None,
    yes: options.YesOption = False,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_json: options.JsonOption = False,
    as_owner: AsOwnerOption = False,
) -> None:
    """Set a converter's policy.

    Options that are left out keep their values. The command shows what the policy will purge, and asks if that is much.
    """
    named = {
        "retention_days": retention_days,
        "failed_retention_days": failed_retention_days,
        "max_size_gb": max_size_gb,
        "min_entries": min_entries,
        "min_days": min_days,
        "purge_unsubmitted": purge_unsubmitted,
        "compression_level": compression_level,
        "enabled": enabled,
    }
    changes = {key: value for key, value in named.items() if value is not None}
    if not changes:
        raise UsageError("policy set: nothing to set; 'pywats-archive policy set --help' shows what there is")
    write_as(archive, config, as_owner=as_owner)
    with options.open_client(archive, config) as client:
        policy = _changed(client.retention.policy(_known(client, name)), changes)
        effects = client.retention.effects(policy)
        if not as_json:
            say_effects(effects)
        _agree(effects, yes=yes)
        client.retention.set_policy(policy, actor=current_actor(), confirmed=True)
    if as_json:
        print_json(PolicyEffects(**values_of(policy), effects=effects))
    else:
        console.print(printable(f"{policy.converter_name}: the policy is set: {limits(policy)}"), soft_wrap=True)


@app.command("reset")
def reset_policy(
    name: NameArgument,
    yes: options.YesOption = False,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_json: options.JsonOption = False,
    as_owner: AsOwnerOption = False,
) -> None:
    """Remove a converter's own policy.

    The policy of all others (*) applies to it again.
    """
    write_as(archive, config, as_owner=as_owner)
    with options.open_client(archive, config) as client:
        name = _known(client, name)
        other = replace(client.retention.policy(EVERY_OTHER), converter_name=name)
        effects = () if name == EVERY_OTHER else client.retention.effects(other)
        if not as_json:
            say_effects(effects)
        _agree(effects, yes=yes)
        client.retention.reset_policy(name, actor=current_actor(), confirmed=True)
        policy = client.retention.policy(name)
    if as_json:
        print_json(PolicyEffects(**values_of(policy), effects=effects))
    else:
        console.print(printable(f"{name}: the policy is reset: {limits(policy)}"), soft_wrap=True)


def say_effects(effects: tuple[PurgePlan, ...]) -> None:
    """Print a line for each converter: what would be purged, and what keeps a limit from being met."""
    for each in effects:
        console.print(printable(effect(each)), soft_wrap=True)


def _known(client: Client, name: str) -> str:
    return name if name == EVERY_OTHER else client.converter_named(name)


def _agree(effects: tuple[PurgePlan, ...], *, yes: bool) -> None:
    if any(each.is_large for each in effects):
        options.confirm("this purges more than a fifth at once; set it", yes=yes)


def _changed(policy: RetentionPolicy, changes: dict[str, Any]) -> RetentionPolicy:
    try:
        return replace(policy, **changes)
    except ValueError as exc:
        raise UsageError(str(exc)) from exc


def _listed(each: InForce) -> ListedPolicy:
    return ListedPolicy(
        **values_of(each.policy), archive=each.archive, is_own=each.is_own, differences=each.differences
    )


def _row(policy: RetentionPolicy) -> tuple[str, ...]:
    return (
        printable(policy.converter_name),
        str(policy.retention_days) if policy.enabled else "for ever",
        str(policy.days_for(failed=True)) if policy.enabled else "",
        f"{policy.max_size_gb:g} GB" if policy.enabled else "",
        str(policy.compression_level),
        str(policy.min_entries),
        f"{policy.min_days} days",
        "go" if policy.purge_unsubmitted else "stay",
    )


def _facts(policy: RetentionPolicy) -> list[tuple[str, str]]:
    if not policy.enabled:
        return [("kept", "everything, for ever"), ("compression level", str(policy.compression_level))]
    return [
        ("kept for", f"{policy.retention_days} days, failed ones {policy.days_for(failed=True)}"),
        ("kept up to", f"{policy.max_size_gb:g} GB on disk"),
        (
            "always kept",
            f"the newest {policy.min_entries}; for the size limit, none younger than {policy.min_days} days",
        ),
        ("not submitted", "go too" if policy.purge_unsubmitted else "stay until the server has them"),
        ("compression level", str(policy.compression_level)),
    ]
