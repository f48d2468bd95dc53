"""Plans of a day's work: which crew goes to which reports, in which order.

`problem`, `scheduling` and `search` are plain Python: they know neither Django nor the database.
"""
