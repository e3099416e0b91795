"""Archives that may go away and come back: a **mount** is one archive's folder, shared by the lanes that use it."""
