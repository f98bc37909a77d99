"""gossipfl."""
