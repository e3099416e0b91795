"""A simulated station: generated log files, example converters, and a simulated WATS server on this machine."""
