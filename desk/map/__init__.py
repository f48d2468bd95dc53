"""The map of reports: their clusters, the city behind them, and layers to switch."""
