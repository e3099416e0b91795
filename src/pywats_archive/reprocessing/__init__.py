"""Replaying what is archived: converted again, compared with what there is, and sent if that is wanted."""
