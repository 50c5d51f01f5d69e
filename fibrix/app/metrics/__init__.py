"""Numbers of all parts into metrics: the only place that knows both who counts and what Prometheus calls it."""
