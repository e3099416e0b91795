"""What a replay has in the vault: its **plan**, and a **result** for each segment; both are written once."""
