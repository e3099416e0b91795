"""Whether a station can keep its promises: **trials** in its own folders, **findings** about each, and a verdict for all."""
