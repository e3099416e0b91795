"""The audit trail of a station: its events, streamed. Knows no form in which they are shown."""
