"""Parts of fusion: which kernels are allowed, what one can take, in which order layers follow."""
