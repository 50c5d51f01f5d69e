"""HTTP faces: the integrators' API, the agents' API, the metadata of installed machines."""
