"""Differences between Linux and Windows: durable files, moves, free names, volumes, processes, the kernel's clock."""
