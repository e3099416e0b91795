"""The id of each report: which earlier report a new one continues, if any (invariant 14).

**Pairing** matches reports by the unit and test they are of, **assignment** chooses the ids, and a report is **withheld** while
only a person can decide.
"""
