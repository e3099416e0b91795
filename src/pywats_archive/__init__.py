"""Archives every source before it is converted and every report before it is sent; finds, verifies and restores them.

The public names are listed here, and each is loaded at its first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pywats_archive.archive.core import EntryDetails as EntryDetails
    from pywats_archive.archive.ledger import Account as Account
    from pywats_archive.client import Client as Client
    from pywats_archive.client.awaitable import AsyncClient as AsyncClient
    from pywats_archive.client.awaitable import AsyncRetention as AsyncRetention
    from pywats_archive.client.awaitable import AsyncSettings as AsyncSettings
    from pywats_archive.client.awaitable import AsyncVault as AsyncVault
    from pywats_archive.client.contents import ArchivedFile as ArchivedFile
    from pywats_archive.client.restoring import Restored as Restored
    from pywats_archive.client.settings.station import StationSettings as StationSettings
    from pywats_archive.client.status import StationStatus as StationStatus
    from pywats_archive.client.vault.station import StationVault as StationVault
    from pywats_archive.config import ConverterConfig as ConverterConfig
    from pywats_archive.config import PostProcessAction as PostProcessAction
    from pywats_archive.conversion.interceptor import ArchiveInterceptor as ArchiveInterceptor
    from pywats_archive.doctor.examination import Examination as Examination
    from pywats_archive.errors import AccessNotRecorded as AccessNotRecorded
    from pywats_archive.errors import AlreadyDone as AlreadyDone
    from pywats_archive.errors import AnotherArchive as AnotherArchive
    from pywats_archive.errors import AnotherHistory as AnotherHistory
    from pywats_archive.errors import ArchiveAway as ArchiveAway
    from pywats_archive.errors import ArchiveError as ArchiveError
    from pywats_archive.errors import ArchiveInUse as ArchiveInUse
    from pywats_archive.errors import BagRefused as BagRefused
    from pywats_archive.errors import BlobDamaged as BlobDamaged
    from pywats_archive.errors import BlobLocked as BlobLocked
    from pywats_archive.errors import BlobMissing as BlobMissing
    from pywats_archive.errors import BlobOutside as BlobOutside
    from pywats_archive.errors import CatalogDamaged as CatalogDamaged
    from pywats_archive.errors import CatalogError as CatalogError
    from pywats_archive.errors import CatalogFull as CatalogFull
    from pywats_archive.errors import CatalogRefused as CatalogRefused
    from pywats_archive.errors import ComplianceRefused as ComplianceRefused
    from pywats_archive.errors import ConfigChanged as ConfigChanged
    from pywats_archive.errors import ConfigError as ConfigError
    from pywats_archive.errors import ConversionInterrupted as ConversionInterrupted
    from pywats_archive.errors import ConverterUnavailable as ConverterUnavailable
    from pywats_archive.errors import DiskFull as DiskFull
    from pywats_archive.errors import DiskLow as DiskLow
    from pywats_archive.errors import FolderAway as FolderAway
    from pywats_archive.errors import FolderTaken as FolderTaken
    from pywats_archive.errors import KeyMissing as KeyMissing
    from pywats_archive.errors import KeyTaken as KeyTaken
    from pywats_archive.errors import NeedsApproval as NeedsApproval
    from pywats_archive.errors import NeedsConfirmation as NeedsConfirmation
    from pywats_archive.errors import NewerFormat as NewerFormat
    from pywats_archive.errors import NotAllowed as NotAllowed
    from pywats_archive.errors import NotAnArchive as NotAnArchive
    from pywats_archive.errors import NotEncrypted as NotEncrypted
    from pywats_archive.errors import NoteUntrusted as NoteUntrusted
    from pywats_archive.errors import NoTimeStamp as NoTimeStamp
    from pywats_archive.errors import Overtaken as Overtaken
    from pywats_archive.errors import PurgeRunning as PurgeRunning
    from pywats_archive.errors import RetentionHeldBack as RetentionHeldBack
    from pywats_archive.errors import RunRunning as RunRunning
    from pywats_archive.errors import SegmentDamaged as SegmentDamaged
    from pywats_archive.errors import ServiceFailed as ServiceFailed
    from pywats_archive.errors import SourceChanged as SourceChanged
    from pywats_archive.errors import SourceKnown as SourceKnown
    from pywats_archive.errors import SourceOpen as SourceOpen
    from pywats_archive.errors import SourceVanished as SourceVanished
    from pywats_archive.errors import StationAway as StationAway
    from pywats_archive.errors import StorageError as StorageError
    from pywats_archive.errors import SystemServiceFailed as SystemServiceFailed
    from pywats_archive.errors import TooManyAtOnce as TooManyAtOnce
    from pywats_archive.errors import TooSlow as TooSlow
    from pywats_archive.errors import UnknownConverter as UnknownConverter
    from pywats_archive.errors import UnknownEntry as UnknownEntry
    from pywats_archive.errors import UnknownRun as UnknownRun
    from pywats_archive.errors import UnknownUser as UnknownUser
    from pywats_archive.errors import UsageError as UsageError
    from pywats_archive.errors import VaultAway as VaultAway
    from pywats_archive.errors import VaultClockOff as VaultClockOff
    from pywats_archive.errors import VaultError as VaultError
    from pywats_archive.errors import VaultRefused as VaultRefused
    from pywats_archive.errors import WorkersUnavailable as WorkersUnavailable
    from pywats_archive.errors import WrongAccount as WrongAccount
    from pywats_archive.models.arrival import Arrival as Arrival
    from pywats_archive.models.arrival import ArrivalState as ArrivalState
    from pywats_archive.models.bag.outcome import Exported as Exported
    from pywats_archive.models.bag.outcome import ImportedBag as ImportedBag
    from pywats_archive.models.bag.outcome import NotExported as NotExported
    from pywats_archive.models.bag.outcome import Refused as Refused
    from pywats_archive.models.code import ConverterCode as ConverterCode
    from pywats_archive.models.conversion import Conversion as Conversion
    from pywats_archive.models.conversion import ConversionResult as ConversionResult
    from pywats_archive.models.conversion import ConverterInfo as ConverterInfo
    from pywats_archive.models.entry import ArchiveEntry as ArchiveEntry
    from pywats_archive.models.entry import Companion as Companion
    from pywats_archive.models.entry import ConversionStatus as ConversionStatus
    from pywats_archive.models.entry import SourceKind as SourceKind
    from pywats_archive.models.event import AuditCategory as AuditCategory
    from pywats_archive.models.event import AuditPage as AuditPage
    from pywats_archive.models.event import Event as Event
    from pywats_archive.models.event import EventFilter as EventFilter
    from pywats_archive.models.event import EventPage as EventPage
    from pywats_archive.models.event import RecordedEvent as RecordedEvent
    from pywats_archive.models.file_stamp import FileStamp as FileStamp
    from pywats_archive.models.operation.capacity import ExpectedLoad as ExpectedLoad
    from pywats_archive.models.operation.capacity import Ratios as Ratios
    from pywats_archive.models.operation.growth import DaySize as DaySize
    from pywats_archive.models.operation.growth import Growth as Growth
    from pywats_archive.models.operation.importing import Imported as Imported
    from pywats_archive.models.operation.importing import ImportPreview as ImportPreview
    from pywats_archive.models.operation.importing import NotImported as NotImported
    from pywats_archive.models.operation.integrity import Anchored as Anchored
    from pywats_archive.models.operation.integrity import Checked as Checked
    from pywats_archive.models.operation.integrity import Finding as Finding
    from pywats_archive.models.operation.integrity import HistoryChecked as HistoryChecked
    from pywats_archive.models.operation.integrity import OnlyThere as OnlyThere
    from pywats_archive.models.operation.integrity import Problem as Problem
    from pywats_archive.models.operation.integrity import ProblemKind as ProblemKind
    from pywats_archive.models.operation.integrity import Rebuilt as Rebuilt
    from pywats_archive.models.operation.integrity import RecordedErasure as RecordedErasure
    from pywats_archive.models.operation.integrity import Thoroughness as Thoroughness
    from pywats_archive.models.operation.replay import Change as Change
    from pywats_archive.models.operation.replay import ChangeGroup as ChangeGroup
    from pywats_archive.models.operation.replay import ChangeKind as ChangeKind
    from pywats_archive.models.operation.replay import CodeChange as CodeChange
    from pywats_archive.models.operation.replay import Comparison as Comparison
    from pywats_archive.models.operation.replay import Effect as Effect
    from pywats_archive.models.operation.replay import ItemResult as ItemResult
    from pywats_archive.models.operation.replay import ItemState as ItemState
    from pywats_archive.models.operation.replay import ReplayRequest as ReplayRequest
    from pywats_archive.models.operation.replay import ReprocessingResult as ReprocessingResult
    from pywats_archive.models.operation.replay import Rollback as Rollback
    from pywats_archive.models.operation.replay import Run as Run
    from pywats_archive.models.operation.replay import RunState as RunState
    from pywats_archive.models.operation.replay_mode import ReplayMode as ReplayMode
    from pywats_archive.models.operation.service import Pulse as Pulse
    from pywats_archive.models.operation.service import ServerContact as ServerContact
    from pywats_archive.models.operation.service import ServiceState as ServiceState
    from pywats_archive.models.operation.service import ServiceStatus as ServiceStatus
    from pywats_archive.models.operation.statistics import ArchiveStatistics as ArchiveStatistics
    from pywats_archive.models.operation.statistics import DayStatistics as DayStatistics
    from pywats_archive.models.operation.statistics import OpenAlert as OpenAlert
    from pywats_archive.models.operation.status import LastAnchor as LastAnchor
    from pywats_archive.models.operation.status import VanishedSource as VanishedSource
    from pywats_archive.models.operation.status import WaitingWork as WaitingWork
    from pywats_archive.models.operation.trends import ConversionTimes as ConversionTimes
    from pywats_archive.models.operation.trends import FailureReason as FailureReason
    from pywats_archive.models.operation.whereabouts import Watcher as Watcher
    from pywats_archive.models.operation.whereabouts import Whereabouts as Whereabouts
    from pywats_archive.models.query import EntryFilter as EntryFilter
    from pywats_archive.models.query import Page as Page
    from pywats_archive.models.query import SortKey as SortKey
    from pywats_archive.models.report import Report as Report
    from pywats_archive.models.report import ReportSummary as ReportSummary
    from pywats_archive.models.report import SubmissionState as SubmissionState
    from pywats_archive.models.report import UnitResult as UnitResult
    from pywats_archive.models.retention.compliance import Act as Act
    from pywats_archive.models.retention.compliance import Approval as Approval
    from pywats_archive.models.retention.configured import Difference as Difference
    from pywats_archive.models.retention.erasure import ErasableEntry as ErasableEntry
    from pywats_archive.models.retention.erasure import Erasure as Erasure
    from pywats_archive.models.retention.erasure import ErasureChoice as ErasureChoice
    from pywats_archive.models.retention.erasure import ErasurePreview as ErasurePreview
    from pywats_archive.models.retention.erasure import ErasureRule as ErasureRule
    from pywats_archive.models.retention.erasure import ProtectedEntry as ProtectedEntry
    from pywats_archive.models.retention.policy import RetentionPolicy as RetentionPolicy
    from pywats_archive.models.retention.purge import Decision as Decision
    from pywats_archive.models.retention.purge import Hold as Hold
    from pywats_archive.models.retention.purge import Obstacle as Obstacle
    from pywats_archive.models.retention.purge import Purge as Purge
    from pywats_archive.models.retention.purge import PurgePlan as PurgePlan
    from pywats_archive.models.retention.purge import PurgeReason as PurgeReason
    from pywats_archive.models.retention.purge import PurgeStatistics as PurgeStatistics
    from pywats_archive.models.retention.purge import SpaceEstimate as SpaceEstimate
    from pywats_archive.models.settings.changes import FolderVerdict as FolderVerdict
    from pywats_archive.models.settings.changes import SavedSettings as SavedSettings
    from pywats_archive.models.settings.changes import SettingChange as SettingChange
    from pywats_archive.models.settings.changes import SettingFault as SettingFault
    from pywats_archive.models.settings.changes import SettingsPlan as SettingsPlan
    from pywats_archive.models.settings.converters import ConverterArgument as ConverterArgument
    from pywats_archive.models.settings.converters import ConverterSettings as ConverterSettings
    from pywats_archive.models.settings.converters import Setting as Setting
    from pywats_archive.models.settings.converters import SettingOrigin as SettingOrigin
    from pywats_archive.models.vault.initialized import InitializedVault as InitializedVault
    from pywats_archive.models.vault.initialized import VaultRights as VaultRights
    from pywats_archive.models.vault.shipping import Pushed as Pushed
    from pywats_archive.models.vault.shipping import PushedArchive as PushedArchive
    from pywats_archive.models.vault.shipping import RestoredArchive as RestoredArchive
    from pywats_archive.models.vault.shipping import VaultLag as VaultLag
    from pywats_archive.models.vault.shipping import VaultStatus as VaultStatus
    from pywats_archive.models.vault.shipping import VerifiedCopy as VerifiedCopy
    from pywats_archive.models.vault.shipping import VerifiedVault as VerifiedVault
    from pywats_archive.reprocessing.engine import ReprocessingEngine as ReprocessingEngine
    from pywats_archive.retention.engine import RetentionEngine as RetentionEngine
    from pywats_archive.retention.station import ClockState as ClockState
    from pywats_archive.retention.station import InForce as InForce
    from pywats_archive.retention.station import StationRetention as StationRetention
    from pywats_archive.storage import ArchiveStorage as ArchiveStorage

_NAMES = {
    "archive.core": "EntryDetails",
    "archive.ledger": "Account",
    "client": "Client",
    "client.awaitable": "AsyncClient AsyncRetention AsyncSettings AsyncVault",
    "client.contents": "ArchivedFile",
    "client.restoring": "Restored",
    "client.settings.station": "StationSettings",
    "client.vault.station": "StationVault",
    "client.status": "StationStatus",
    "config": "ConverterConfig PostProcessAction",
    "conversion.interceptor": "ArchiveInterceptor",
    "doctor.examination": "Examination",
    "errors": (
        "AccessNotRecorded AlreadyDone AnotherArchive ArchiveAway ArchiveError ArchiveInUse BagRefused BlobDamaged BlobLocked "
        "BlobMissing AnotherHistory SegmentDamaged KeyMissing KeyTaken VaultAway VaultClockOff VaultError VaultRefused "
        "BlobOutside CatalogDamaged CatalogError CatalogFull CatalogRefused ComplianceRefused ConfigChanged "
        "ConfigError ConversionInterrupted ConverterUnavailable DiskFull DiskLow FolderAway FolderTaken "
        "NeedsApproval NeedsConfirmation NewerFormat NotAllowed NotAnArchive NotEncrypted NoteUntrusted Overtaken PurgeRunning "
        "NoTimeStamp RetentionHeldBack RunRunning ServiceFailed SourceChanged SourceKnown SourceOpen SourceVanished "
        "StationAway StorageError SystemServiceFailed TooManyAtOnce TooSlow UnknownConverter UnknownEntry UnknownRun "
        "UnknownUser UsageError WorkersUnavailable WrongAccount"
    ),
    "models.arrival": "Arrival ArrivalState",
    "models.code": "ConverterCode",
    "models.conversion": "Conversion ConversionResult ConverterInfo",
    "models.entry": "ArchiveEntry Companion ConversionStatus SourceKind",
    "models.event": "AuditCategory AuditPage Event EventFilter EventPage RecordedEvent",
    "models.file_stamp": "FileStamp",
    "models.bag.outcome": "Exported ImportedBag NotExported Refused",
    "models.operation.capacity": "ExpectedLoad Ratios",
    "models.operation.growth": "DaySize Growth",
    "models.operation.importing": "ImportPreview Imported NotImported",
    "models.operation.integrity": (
        "Anchored Checked Finding HistoryChecked OnlyThere Problem ProblemKind Rebuilt RecordedErasure Thoroughness"
    ),
    "models.operation.replay": (
        "Change ChangeGroup ChangeKind CodeChange Comparison Effect ItemResult ItemState ReplayRequest "
        "ReprocessingResult Rollback Run RunState"
    ),
    "models.operation.replay_mode": "ReplayMode",
    "models.operation.service": "Pulse ServerContact ServiceState ServiceStatus",
    "models.operation.statistics": "ArchiveStatistics DayStatistics OpenAlert",
    "models.vault.shipping": "Pushed PushedArchive RestoredArchive VaultLag VaultStatus VerifiedCopy VerifiedVault",
    "models.operation.status": "LastAnchor VanishedSource WaitingWork",
    "models.operation.trends": "ConversionTimes FailureReason",
    "models.vault.initialized": "InitializedVault VaultRights",
    "models.operation.whereabouts": "Watcher Whereabouts",
    "models.query": "EntryFilter Page SortKey",
    "models.report": "Report ReportSummary SubmissionState UnitResult",
    "models.retention.compliance": "Act Approval",
    "models.retention.configured": "Difference",
    "models.retention.erasure": ("ErasableEntry Erasure ErasureChoice ErasurePreview ErasureRule ProtectedEntry"),
    "models.retention.policy": "RetentionPolicy",
    "models.retention.purge": "Decision Hold Obstacle Purge PurgePlan PurgeReason PurgeStatistics SpaceEstimate",
    "models.settings.changes": "FolderVerdict SavedSettings SettingChange SettingFault SettingsPlan",
    "models.settings.converters": "ConverterArgument ConverterSettings Setting SettingOrigin",
    "reprocessing.engine": "ReprocessingEngine",
    "retention.engine": "RetentionEngine",
    "retention.station": "ClockState InForce StationRetention",
    "storage": "ArchiveStorage",
}
"""The modules that define the names, and the names of each."""
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_HOMES)  # noqa: PLE0605 (a list, made from the names above)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'pywats_archive' has no attribute '{name}'")
    return getattr(importlib.import_module(f"pywats_archive.{_HOMES[name]}"), name)
