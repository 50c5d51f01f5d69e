"""Adapters to hardware and foreign programs."""
