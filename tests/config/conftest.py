"""The desk for the tests of all its pages."""

from __future__ import annotations

import pytest
from django.contrib import admin

from desk.shell import navigation


@pytest.fixture
def without_menu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the menus of all models, half of the work for a page, out of the desk's pages."""
    monkeypatch.setattr(navigation, "sections", lambda *_arguments: [])
    monkeypatch.setattr(admin.site, "get_app_list", lambda *_arguments, **_options: [])
