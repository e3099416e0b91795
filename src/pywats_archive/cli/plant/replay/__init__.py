"""The verbs of ``plant replay``: the sources of all stations through one converter; always a dry run."""
