"""What people are told of the end of a job."""

from __future__ import annotations

import pytest

from notifications import rendering


@pytest.mark.parametrize("channel", ["email", "sms"])
@pytest.mark.parametrize(
    ("state", "words"), [("succeeded", "result"), ("cancelled", "was cancelled"), ("dead", "has failed")]
)
def test_each_outcome_has_its_words(channel: str, state: str, words: str) -> None:
    context = {"job_id": "01a20177", "job_type": "reports.hotspots", "state": state}
    message = rendering.render("job_ended", channel, context, to="somebody")
    assert words in message.subject + message.body
    assert "reports.hotspots" in message.body
