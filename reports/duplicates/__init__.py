"""Which reports are about the same problem: found, suggested to staff, merged and taken apart."""
