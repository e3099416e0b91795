"""The catalog on real SQLite databases; ``made`` has the values that its tests put in."""
