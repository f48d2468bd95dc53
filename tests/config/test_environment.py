"""`.env.example` tells of every value that the settings read, and of no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent.parent
#: Where the process itself tells the settings something.
NOT_AN_OPERATORS = {"WEB_BIND", "CIVICLENS_PROCESS"}


def names_read() -> set[str]:
    """The names that `config/settings.py` and the web server read from the environment."""
    calls = [
        node
        for file in ("settings.py", "serving/__main__.py")
        for node in ast.walk(ast.parse((BASE_DIR / "config" / file).read_text()))
        if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Attribute)
    ]
    return {
        str(call.args[0].value)
        for call in calls
        if isinstance(call.args[0], ast.Constant)
        and ast.unparse(call.func).startswith(("env.", "os.environ."))
    }


def names_told() -> set[str]:
    """The names in `.env.example`, the `NAME_FILE` of a secret counting as its NAME."""
    lines = re.findall(
        r"^(?:# )?([A-Z][A-Z0-9_]*)=", (BASE_DIR / ".env.example").read_text(), re.MULTILINE
    )
    return {name if name in names_read() else name.removesuffix("_FILE") for name in lines}


def test_the_example_tells_of_every_setting_and_of_no_other() -> None:
    assert names_told() == names_read() - NOT_AN_OPERATORS
