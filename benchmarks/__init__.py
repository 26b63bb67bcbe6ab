"""Measurements that anyone can run again: `make bench`. Figures are ratios to a limit measured in the same run."""
