"""One file per figure, each beside the peer it is held against."""
