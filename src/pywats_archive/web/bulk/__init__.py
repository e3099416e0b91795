"""The routes of actions over many entries: what an action would do, the form that confirms it, and its outcome."""
