"""What a second person approves in a compliant archive: **approvals** are requested, given and used, each on record."""
