"""What a network computes of images: one file for each kind of atom.

An image is a vector with its channels last (`numbers.sliding_window`). An atom of an image reads
one other image as a whole and is a gate with one part, so that what holds for gates holds for it:
no element of it is removed, and nothing is folded into it.
"""
