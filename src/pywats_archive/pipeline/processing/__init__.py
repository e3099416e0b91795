"""Processing one source: it is queued, archived, converted, sent and finished, or delayed until it is tried again."""
