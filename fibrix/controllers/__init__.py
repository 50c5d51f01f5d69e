"""Region-side deciders: subscribe, apply a domain rule, store, publish. They hold no socket."""
