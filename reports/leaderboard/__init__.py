"""The leaderboard: who gained most reputation this week, month, year and ever, by area."""
