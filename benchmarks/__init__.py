"""Speed and memory of childsurv as ratios against its peers, measured in one run: ``python -m benchmarks``."""
