"""A **lane** is one converter with its watch folder, its ledger and its archive. Knows nothing of processing."""
