"""Why a saved view cannot be stored."""

from __future__ import annotations


class ViewRefused(Exception):
    """The view cannot be saved."""


class NameTaken(ViewRefused):
    """There is a view of this name already; choose another name, or change that one."""


class TooManyViews(ViewRefused):
    """There are as many views as there may be; delete one first."""


class NotYours(ViewRefused):
    """Only the managers of a department change the views of its team."""
