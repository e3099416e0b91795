"""Conditions that a person should know of: each **alert** is raised once, cleared once, and goes to log and webhook."""
