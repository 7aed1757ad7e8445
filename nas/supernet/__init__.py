"""One network that holds the weights of every network of a space, and is trained once for all.

The idea and the sandwich rule are those of once-for-all (arXiv:1908.09791) and BigNAS
(arXiv:2003.11142). Here the shared weights follow from the lowering, so any space has them.
"""
