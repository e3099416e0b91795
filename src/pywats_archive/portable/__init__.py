"""What differs between Linux and Windows: durable files, free names, volumes, open files, and the kernel's clock."""
