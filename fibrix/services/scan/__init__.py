"""The active scan of subnets: asks every address of a range who is there."""
