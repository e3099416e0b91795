"""Erases entries: bytes, and what rows, texts, events, copies of the catalog and logs say about them. The proof stays.

**choosing** finds the entries that a person means, and which of them a rule protects; **in_place** looks for their files in the
watch folders. **texts** is what must be found nowhere any longer. **carrying_out** does it in steps that a later call finishes
after a crash; **journal** is what it needs for that.
"""
