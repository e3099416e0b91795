"""Fail, crash or cut the power at every durable step, then see whether anything was lost."""
