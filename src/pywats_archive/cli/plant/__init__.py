"""``plant``: a module for its verbs that belong together; it knows options and drawing, and no index."""
