"""One file a framework: packing tables, and asking it for numbers."""
