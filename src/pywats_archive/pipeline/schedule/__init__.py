"""Scheduled converters: when each runs, and how its results are archived and sent."""
