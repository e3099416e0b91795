"""Many entries as one zip: a stream of bounded memory, with names that each system can hold and a manifest of checksums."""
