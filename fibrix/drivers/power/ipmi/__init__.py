"""The IPMI driver: one socket (`datagrams`), one link for each BMC (`link`), the port on top (`driver`)."""
