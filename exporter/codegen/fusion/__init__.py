"""Parts of fusion: what one kernel can take, and in which order layers follow each other."""
