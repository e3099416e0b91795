"""The part of the client that erases entries."""
