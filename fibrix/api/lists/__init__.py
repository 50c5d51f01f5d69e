"""How lists are read: which items (`filter`), in what order (`sort`), which fields (`fields`), page by page."""
