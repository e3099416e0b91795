"""Accesses to content: recorded in the history, or in a note that the service records later.

An *access* is an event of its own. A *note* is the file that an account leaves which may not write to the catalog, or which
would have to wait too long for it. Notes are never trusted: an *intake* checks each, and the history has the account that
owns the file. This package knows neither users of the pages nor why content is read.
"""
