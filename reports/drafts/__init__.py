"""Drafts of reports, which several posts about one problem suggest: accept or dismiss them."""
