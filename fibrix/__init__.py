"""Fibrix: metal as a service for small ISPs."""

__version__ = "0.1.0"
