"""Reports that neighbours could mend: offered as opportunities, and what becomes of these."""
