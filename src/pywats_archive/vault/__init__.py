"""The vault: objects under keys, in a bucket or in a folder of a file server.

A **vault** stores each object once, under its **key**, and never replaces or removes one. Keys are relative to the place that
``vault_url`` names. Knows nothing of events, entries or segments; it alone imports obstore.
"""
