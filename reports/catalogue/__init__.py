"""The catalogue: departments, categories with their deadlines and questions, severity rules."""
