"""Bytes into an archive: a **source** is read once, with its **companions**, and is durable before its row is committed."""
