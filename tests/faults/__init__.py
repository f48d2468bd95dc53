"""The proof of the task ledger: the real system under load, broken again and again.

`make faults` runs it.
"""
