"""The census of the wire: every device that was heard, by its MAC."""
