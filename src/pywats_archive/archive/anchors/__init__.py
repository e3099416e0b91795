"""Signed heads of the history: a copy kept elsewhere shows later that no event up to it was changed or cut off.

An **anchor** is the number and hash of an event, signed with the station's **signing key**. It is noted beside the catalog,
written into folders elsewhere, and carried in the headers of later reports. Knows no schedule.
"""
