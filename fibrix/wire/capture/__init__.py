"""Capture files: pcap and pcapng, and the link types of what is in them."""
