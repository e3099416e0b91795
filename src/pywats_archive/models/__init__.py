"""The values that pass between packages: frozen, typed, keyword-only.

An **entry** is one archived source, an **arrival** one source in a watch folder, a **report** one output document of a
**conversion**. They know no file and no database.
"""
