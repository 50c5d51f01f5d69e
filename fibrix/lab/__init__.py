"""A rack in a box: network namespaces, QEMU machines, simulated BMCs."""
