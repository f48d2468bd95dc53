"""The city's figures: how much is reported, how soon it is answered and repaired, how well."""
