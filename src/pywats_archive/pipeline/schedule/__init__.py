"""Scheduled converters: when each is due, and what becomes of its result."""
