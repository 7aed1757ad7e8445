"""A known network at other widths, depths and sizes: compound scaling, NetAdapt, the knapsack."""
