"""Adapt a network to other budgets: compound scaling, NetAdapt, the knapsack of widths."""
