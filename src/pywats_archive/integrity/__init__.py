"""Trust: whether an archive still holds what it recorded. Knows no converter, no server, and neither files nor rows."""
