"""The only place that speaks SQL: what must outlive the process."""
