"""What is counted: plain numbers that services keep, and their exposition for Prometheus.

Whoever counts keeps plain numbers of its own (a `Counter`, a `Spread`): counting costs next to nothing and takes no
lock. They become metrics only when somebody asks: `fibrix.app.metrics` reads them, `catalog` has their names.
"""
