"""The routes of version 1: one file for each noun. Each class takes its port and gives its part of the route table."""
