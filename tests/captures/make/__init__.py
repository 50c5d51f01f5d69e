"""Makes the captures of the cases, each from real programs in network namespaces of its own."""
