"""The region's side of DNS: zones as they are declared, kept up to date with machines, handed to the DNS service."""
