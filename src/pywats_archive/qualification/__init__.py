"""The qualification of a station: the product's own checks, carried out there, with a protocol of each result.

The *installation* is checked as it is; the *operation* in a scratch station beside the real archive, which is never
touched. A *protocol* has one *check* for each expectation. Knows neither the command nor the pages.
"""
