"""The settings of a station for the client: what holds for each converter, and the change of archive keys.

``StationSettings`` is the one noun; reads pyWATS' configuration through ``host`` and knows no page.
"""
