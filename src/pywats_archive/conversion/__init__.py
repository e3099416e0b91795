"""One attempt to convert an entry, live or replayed, and the outbox through which its reports are sent.

Knows no watch folder and no schedule.
"""
