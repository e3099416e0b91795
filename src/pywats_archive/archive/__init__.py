"""The one door to bytes and rows together: an entry is in both or in neither. Knows no converter and no server."""
