"""Where tasks run: on this machine's processors (**local**), or on the workers of a **scheduler** of Dask."""
