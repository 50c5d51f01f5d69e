"""DHCPv4 for the served subnets."""
