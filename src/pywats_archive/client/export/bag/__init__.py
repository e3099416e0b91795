"""Entries as a BagIt bag (RFC 8493), a folder or a zip: payload, manifests, a report to read, and how to check all of it.

Knows nothing of the web pages. ``Order`` is what is exported, ``Work`` the unfinished bag on disk, ``Container`` the folder
or zip that it is written into.
"""
