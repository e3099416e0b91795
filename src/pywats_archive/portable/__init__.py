"""Differences between Linux and Windows: durable files, moves, free names, volumes, processes, and the kernel's clock."""
