"""The vault of a station: created, filled, checked, and restored from.

``StationVault`` is ``Client.vault``. Knows the configuration and the archives, and nothing of how objects are stored.
"""
