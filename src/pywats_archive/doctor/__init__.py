"""Whether a station's folders can keep the guarantees: **trials** in each folder, **findings** from them, and a **verdict**."""
