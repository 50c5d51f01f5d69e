"""Taking out of frames what tells whose they were, with every length kept and every checksum as right as before."""
