"""Ports: the awaited commands that one floor's peers give one another, connected by `app.py`."""
