"""Zones as they are declared, and how they become what the DNS service answers from (`fibrix.domain.dns`)."""
