"""What runs by the clock: the whole schedule on one page."""

from jobs.schedule import Entry

SCHEDULE = [
    Entry(name="prune-tasks", cron="17 3 * * *", actor="prune_tasks"),
]
