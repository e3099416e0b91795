"""What of an archive goes into the vault, and an archive made again from that.

A **portion** is a part of the history: some events, the rows that they bind, and the blobs that came with them. A **place**
says up to where portions were taken. **remaking** makes an archive of portions. Knows neither vault nor segment.
"""
