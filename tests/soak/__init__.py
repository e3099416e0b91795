"""A station under siege: files come, the service is killed, the server misbehaves; in the end nothing may be missing."""
