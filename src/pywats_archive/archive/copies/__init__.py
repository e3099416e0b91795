"""Copies of the catalog, from which a lost one is rebuilt.

A **place** is a folder for copies: ``backups`` in the archive, and the archive's folder in the configured backup folder.
**Making** copies an open catalog into places, and **plan** decides when a copy is due and which copies to keep. Knows no
open archive, only its catalog and its folder.
"""
