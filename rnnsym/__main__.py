"""`python -m rnnsym`."""

from .cli import main

main()
