"""DNS messages, names, records and TSIG: bytes ↔ values."""
