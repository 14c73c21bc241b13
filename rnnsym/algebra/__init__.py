"""The few matrix expressions that SymPy lacks, the table of functions, and their entries."""
