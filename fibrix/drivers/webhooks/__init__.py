"""Sending events to receivers outside: by HTTP, to no address that is not meant to be reached."""
