"""The only package that imports pyWATS: its configuration, its converters, its server connection.

Knows no archive. Importing it stays cheap: pyWATS itself is imported when first needed.
"""
