"""The desk for the tests of all its pages."""

from __future__ import annotations

import pytest
from django.contrib import admin


@pytest.fixture
def without_menu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the menu of all models, half of the work for a page, out of the desk's pages."""
    monkeypatch.setattr(admin.site, "get_app_list", lambda *_arguments, **_options: [])
