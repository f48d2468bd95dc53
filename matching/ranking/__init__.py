"""From a wish to a ranked list of opportunities, and from an opportunity to its citizens."""
