"""Builds all objects and connects them: the only place that knows the peers of each floor. No container, no globals."""
