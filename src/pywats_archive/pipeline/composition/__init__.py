"""What a running service consists of: **StationParts** creates all parts, in groups, and connects them.

The groups are **Alarms** (what is reported), **Places** (archives, watch folders and lanes), **Work** (what the threads do)
and **Sending** (reports and the server). This package does not know when anything runs: that is ``pipeline/running``.
"""
