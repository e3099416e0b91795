"""What a policy purges: the **plan** decides for each entry and is pure, **enforcing** carries it out in batches."""
