"""Conditions that a person should know of: each **alert** is raised once and cleared once, in log, archive and webhook."""
