"""From patients to sums: the only place that adds patients up."""
