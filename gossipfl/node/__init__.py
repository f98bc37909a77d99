"""One peer on real sockets: its key file, mutual TLS, links to its neighbours, and the loop that runs it."""
