"""Trust: whether what the promises need works where things lie; knows folders and archives, runs no converter."""
