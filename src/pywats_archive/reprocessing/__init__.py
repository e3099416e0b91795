"""Replays: archived sources are converted again, and their reports are compared with the existing ones and sent on request."""
