"""Trust: whether an archive holds what it recorded, and whether what the promises need works; runs no converter."""
