"""IPMI over LAN: the codecs and the session machines of IPMI 1.5 and 2.0. Bytes in, values out; no IO, no clock.

Sections are those of "IPMI Specification, v2.0 rev. 1.1", which holds 1.5 as well, unless another paper is named.
"""
