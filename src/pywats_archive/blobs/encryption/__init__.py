"""Encrypted blobs in age's format (age-encryption.org/v1), which ``age`` and ``rage`` open.

A **recipient** is a public key that may open new blobs, an **identity** its secret key. Imported only for an archive that is
encrypted.
"""
