"""The power service: keeps the power state of every machine current, and carries out what is asked."""
