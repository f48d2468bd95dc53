"""The settings of a worker that tests kill at named places."""

from config.settings import *  # noqa: F403

JOBS_IS_FAULT_BUILD = True
