"""The way of one source: queued, archived, converted, sent, and finished; or delayed until it is tried again."""
