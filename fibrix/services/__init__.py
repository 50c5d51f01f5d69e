"""Rack-side services: each a pure engine and the service that owns its sockets. None knows another."""
