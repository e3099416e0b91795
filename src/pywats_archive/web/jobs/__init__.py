"""Actions over many entries in the background of the pages: what each does to an entry, with counts and outcomes."""
