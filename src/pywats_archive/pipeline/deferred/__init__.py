"""Sources that were converted while the archive failed: kept in ``Done`` with a signed **note**, archived later."""
