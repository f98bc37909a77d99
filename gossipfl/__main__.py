"""`python -m gossipfl`."""

from gossipfl.cli import main

main()
