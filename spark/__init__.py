"""Apache Spark as another way to compute what jobs compute, over history too large for one machine.

Used where the setting USE_SPARK is on; otherwise nothing of Spark is imported. The results are the
same as those of the built-in way.
"""
