"""What every service needs to run: its protocol, its supervisor, the clock, the snapshot cell."""
