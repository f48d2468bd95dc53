"""Conversation: comments on reports, official replies, and notes among staff."""
