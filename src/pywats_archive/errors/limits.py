"""Errors of whoever asks for too much at once, or for too long."""

from __future__ import annotations

from pywats_archive.errors.root import ArchiveError


class TooManyAtOnce(ArchiveError):
    """Too many passwords are being checked, or downloads sent, at once; try again in a moment."""


class TooSlow(ArchiveError):
    """A search took too long and was stopped; narrow it by dates, station or converter."""
