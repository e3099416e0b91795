"""The audit trail of a station, streamed, and the check of its archives. Knows no form in which they are shown."""
