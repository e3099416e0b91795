"""Converter processes: how many there are, how long each may run, and what the end of one means."""
