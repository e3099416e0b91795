"""Values of retention.

A **policy** says how long entries are kept. A **purge** removes their bytes. The **clock** values say which time is trusted.
"""
