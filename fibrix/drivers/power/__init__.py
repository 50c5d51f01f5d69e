"""Power drivers: one class per kind, each fitting `domain.ports.PowerDriver`."""
