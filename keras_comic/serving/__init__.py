"""Servers and clients: the wire, the web page, bulk work."""
