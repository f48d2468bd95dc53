"""Links that are made only when a message is sent."""

from __future__ import annotations

from typing import Any

from notifications import links, rendering


def test_a_link_is_made_when_the_message_is_sent(settings: Any) -> None:
    settings.PUBLIC_URL = "https://city.example"
    links.register("secret", lambda subject: f"/open?token={subject}-signed")
    try:
        assert links.links({"secret": "7"}) == {
            "secret_link": "https://city.example/open?token=7-signed"
        }
        assert links.links({"secret": "", "title": "x"}) == {}
        context = {"report_id": "7", "title": "Lamp", "path": "/reports/7"}
        message = rendering.render("report_received", "email", context, to="a@example.org")
        assert "https://city.example/reports/7" in message.body
    finally:
        del links._makers["secret"]
