"""Many peers in one process: the network in virtual time."""
