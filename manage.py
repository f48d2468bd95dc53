#!/usr/bin/env python
"""Django's command line for CivicLens."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.core.management import execute_from_command_line

    from config.environment import load_settings, loading

    with loading():
        load_settings()
        django.setup()
    execute_from_command_line(sys.argv)
