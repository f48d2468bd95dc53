"""What a post is about: its language, tone, topic, category, place, and the reports it repeats."""
