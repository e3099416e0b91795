"""pyWATS' configuration file, its secrets, and the state file that this project keeps beside it."""
