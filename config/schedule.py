"""The schedule: all tasks that are sent at fixed times."""

from datetime import timedelta

from django.conf import settings

from jobs.worker.schedule import Entry

SCHEDULE = [
    Entry(name="seal-audit-events", cron="* * * * *", actor="seal_audit_events", is_coalesced=True),
    Entry(
        name="export-audit-head", cron="*/5 * * * *", actor="export_audit_head", is_coalesced=True
    ),
    Entry(
        name="close-unconfirmed",
        cron="*/10 * * * *",
        actor="close_unconfirmed",
        is_coalesced=True,
        is_bulk=True,
    ),
    Entry(
        name="refresh-figures",
        every=timedelta(seconds=15),
        after_start=timedelta(seconds=2),
        actor="refresh_figures",
        is_coalesced=True,  # not bulk: a collection may hold a worker's thread for bulk for long
    ),
    Entry(
        name="escalate-reports",
        cron="*/5 * * * *",
        actor="escalate_reports",
        is_coalesced=True,
    ),
    Entry(
        name="learn-dates",
        every=timedelta(minutes=10),
        after_start=timedelta(seconds=10),
        actor="learn_dates",
        catch_up="skip",
        is_coalesced=True,
        is_bulk=True,
    ),
    Entry(name="refresh-dates", cron="* * * * *", actor="refresh_dates", is_coalesced=True),
    Entry(
        name="order-queue",
        cron="* * * * *",
        actor="order_queue",
        catch_up="skip",
        is_coalesced=True,
        is_bulk=True,
    ),
    Entry(name="settle-help", cron="4-59/10 * * * *", actor="settle_help", is_coalesced=True),
    Entry(name="message-staff", cron="* * * * *", actor="message_staff", is_coalesced=True),
    Entry(
        name="compute-leaderboard",
        cron="7 * * * *",
        actor="compute_leaderboard",
        kwargs={"periods": ["week", "month", "year", "all"], "is_kept": False},
        is_coalesced=True,
        is_bulk=True,
    ),
    Entry(
        name="keep-leaderboard",
        cron="52 2 * * *",
        actor="compute_leaderboard",
        kwargs={"periods": ["week", "month", "year", "all"], "is_kept": True},
        is_bulk=True,
    ),
    Entry(
        name="forecast-arrivals",
        cron="12 2 * * *",
        actor="forecast_arrivals",
        kwargs={"history_days": 730},
        is_bulk=True,
    ),
    Entry(name="refresh-all-matches", cron="41 2 * * *", actor="refresh_all_matches", is_bulk=True),
    Entry(name="find-patterns", cron="11 3 * * *", actor="find_patterns", is_bulk=True),
    Entry(name="send-area-digests", cron="0 7 * * *", actor="send_area_digests", is_bulk=True),
    Entry(
        name="collect-sources",
        every=timedelta(minutes=settings.COLLECTION_INTERVAL_MINUTES),
        after_start=timedelta(seconds=5),
        actor="collect_sources",
        kwargs={"is_whole": True},
        catch_up="skip",
        is_coalesced=True,
        is_bulk=True,
    ),
    Entry(  # those with an interval of their own, new ones, and those whose pause is over
        name="collect-due-sources",
        every=timedelta(minutes=1),
        actor="collect_sources",
        kwargs={"is_whole": False},
        catch_up="skip",
        is_coalesced=True,
        is_bulk=True,
    ),
    Entry(name="prune-collection", cron="32 3 * * *", actor="prune_collection", is_bulk=True),
    Entry(name="prune-tasks", cron="17 3 * * *", actor="prune_tasks", is_bulk=True),
    Entry(name="prune-results", cron="18 3 * * *", actor="prune_results", is_bulk=True),
    Entry(name="prune-sign-ins", cron="20 3 * * *", actor="prune_sign_ins", is_bulk=True),
    Entry(name="prune-uploads", cron="26 3 * * *", actor="prune_uploads", is_bulk=True),
    Entry(name="purge-photo-files", cron="29 * * * *", actor="purge_photo_files", is_bulk=True),
    Entry(name="prune-receipts", cron="23 3 * * *", actor="prune_receipts", is_bulk=True),
]
