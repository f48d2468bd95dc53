"""Geography: boxes and polygons in degrees, and the named areas of a city."""
