"""The kinds of sources: one module each, behind one protocol (`kinds.protocol.Collector`)."""
