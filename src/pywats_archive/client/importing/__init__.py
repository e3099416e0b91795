"""Importing a Done folder of pyWATS: listed, previewed, and taken over by the archive.

An **item** is one source in the folder with the reports beside it. Changes nothing in the folder.
"""
