"""Operate background work: figures, alerts, health checks, and actions on tasks."""
