"""Bytes, durable: compressed, checksummed files that describe themselves; knows nothing of rows or converters."""
