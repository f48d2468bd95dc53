"""Every published figure of CivicLens, measured: `make bench [ONLY=name] [QUICK=1]`.
docs/performance.md explains them.

The package is also a Django app, installed by `benchmarks.settings` only, so that workers find its
actors.
"""
