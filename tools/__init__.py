"""Tools for the maintainers."""
