"""Hears all that hosts say of themselves on the wire, and sends nothing."""
