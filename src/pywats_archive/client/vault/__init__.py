"""The vault of a station: created, and asked.

``StationVault`` is ``Client.vault``. Knows the configuration and the archives, and nothing of how objects are stored.
"""
