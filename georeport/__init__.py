"""The city's Open311 GeoReport v2 server: other programs read requests and send new ones."""
