"""The audit trail as its page shows it: the fields of its address, and events in plain words. Pure."""
