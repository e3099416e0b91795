"""The parts of an archive that are copied to the vault, and an archive that is restored from them.

A **portion** is a part of the history: some events, the rows that they bind, and the blobs that came with them. A **place**
says up to where portions were read. **progress** and **shipped** are what the catalog knows of the vault, **damage** what a
check of the vault found; **comparison** compares a found segment with the blobs here; **remaking** makes an archive of
portions; **fetched** reads an archive with blobs from elsewhere. Knows neither the vault nor its segments.
"""
