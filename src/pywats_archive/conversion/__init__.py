"""One attempt to convert an entry, live or replayed, and the outbox its reports leave through.

Knows no watch folder and no schedule.
"""
