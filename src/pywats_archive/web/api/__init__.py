"""The HTTP API under /api/v1: the client's methods, in JSON."""
