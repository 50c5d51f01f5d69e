"""DHCPv4 messages and their options."""
