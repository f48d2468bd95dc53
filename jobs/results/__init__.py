"""Kept results of jobs: storing, comparing and exporting them, and their REST API."""
