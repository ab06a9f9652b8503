"""The rules of the operators of images: convolutions, pools, and what keeps images in order."""
