"""The DNS service: the zones of the region, and the way on to other resolvers."""
