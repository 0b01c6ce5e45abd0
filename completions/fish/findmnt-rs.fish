# Completions of findmnt-rs for fish, written by scripts/completions.
