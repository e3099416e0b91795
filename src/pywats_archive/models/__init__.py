"""The values that pass between rooms: frozen, typed, keyword-only; they know no file and no database."""
