"""What happened: frozen values in the past tense."""
