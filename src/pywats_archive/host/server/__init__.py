"""The WATS server: requests with limits on size and time, what its answers mean, and its clock."""
