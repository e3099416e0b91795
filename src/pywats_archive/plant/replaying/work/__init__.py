"""One **task**, and what its process needs for it: the vault, the converter processes and the code."""
