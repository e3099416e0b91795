"""The long-running service of a station: watches folders, converts what lands there, sees every source to its end.

Knows no terminal and no web page.
"""
