"""The systems that the ledger benchmark compares, one module each.

`send(number)` sends one task as a request does and returns when it committed; `send_all(numbers)`
sends many as cheaply as the system can. The task is the same everywhere:
`benchmarks.effects.insert_effect`.
"""
