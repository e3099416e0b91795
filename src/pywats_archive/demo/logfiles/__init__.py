"""Generated log files of the formats that pyWATS' standard converters read: valid, realistic, the same for the same seed.

Knows no converter and no archive.
"""
