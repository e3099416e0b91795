"""Whether a station can keep the guarantees: **trials** in each folder, **findings** from them, and a **verdict**.

``station`` has the checks of everything else that the station needs."""
