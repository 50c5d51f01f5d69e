"""TFTP: boot files to machines whose firmware knows nothing better. Read-only."""
