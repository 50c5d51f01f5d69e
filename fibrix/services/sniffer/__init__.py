"""What is heard on the wire."""
