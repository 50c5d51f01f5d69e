"""Rules over values. No IO, no clock, no bus."""
