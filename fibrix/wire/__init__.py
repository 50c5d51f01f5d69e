"""Codecs: bytes to values and back. No IO, no clock, no log."""
