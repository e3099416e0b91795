"""Processing one source: it is queued, archived, converted, sent and finished, or delayed until it is tried again.

The **dispatcher** hands a source to a thread of the **work queue**. The **processor** leads it through its steps: **intake**
archives it, **converter calls** convert it, **finishing** lets it leave. **Passthrough** does all of this without an archive,
and **sharing** decides which of several converters has the source.
"""
