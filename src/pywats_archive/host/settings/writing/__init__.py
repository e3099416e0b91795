"""Writing a configuration: the set-up of a station is planned, and a file is replaced durably.

``SetupPlan`` is the one noun; a copy of each former file is kept beside it. Knows no archive.
"""
