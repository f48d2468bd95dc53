"""Departments and categories."""
