"""Declaring actors and running their tasks."""
