"""IPv6 neighbour discovery, as far as machines wait for it when they boot."""
