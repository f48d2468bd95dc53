"""What operators see and do: figures, alerts, health, and actions on tasks."""
